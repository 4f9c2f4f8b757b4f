import process from "node:process";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";

/**
 * Reads a command's options. `--help` prints the usage and ends with 0; an option that is unknown,
 * and whatever `read` throws, ends with 2, with the reason above the usage.
 */
export function readOptions<const T extends ParseArgsOptionsConfig, R = ValuesOf<T>>(
  usage: string,
  options: T,
  read: (values: ValuesOf<T>) => R = (values) => values as R,
): R {
  if (process.argv.slice(2).some((word) => word === "--help" || word === "-h")) {
    console.log(usage);
    return process.exit(0);
  }
  try {
    return read(parseArgs({ options }).values as ValuesOf<T>);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return process.exit(2);
  }
}

type ValuesOf<T extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: T }>
>["values"];

/** A whole number from 1. Throws, naming the option, when it is another or greater than `most`. */
export function wholeNumber(name: string, text: string, most = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  const to = most === Number.MAX_SAFE_INTEGER ? "" : ` to ${most}`;
  throw new Error(`--${name} is a whole number from 1${to}, not ${text}`);
}
