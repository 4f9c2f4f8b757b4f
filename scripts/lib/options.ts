import process from "node:process";
import { parseArgs } from "node:util";

/** An option by its default. A number is whole, from 1; `[default, greatest]` bounds it. */
type Option = string | boolean | number | readonly [number, number];
type Options = Record<string, Option>;
type Values<T extends Options> = {
  [K in keyof T]: T[K] extends string ? string : T[K] extends boolean ? boolean : number;
};

/**
 * Reads a command's options. `--help` prints the usage and ends with 0; an option that is unknown or
 * wrong, and whatever `check` throws, ends with 2, with the reason above the usage.
 */
export function readOptions<const T extends Options, R = Values<T>>(
  usage: string,
  options: T,
  check: (values: Values<T>) => R = (values) => values as unknown as R,
): R {
  return read(usage, options, (values, words) => {
    if (words.length > 0) throw new Error(`${words[0]} is not an option`);
    return check(values);
  });
}

/** As `readOptions`, with the one word that is no option: a file. */
export function readFileAndOptions<const T extends Options>(
  usage: string,
  options: T,
): Values<T> & { file: string } {
  return read(usage, options, (values, [file, ...others]) => {
    if (file === undefined || others.length > 0) throw new Error("one file has to be named");
    return { ...values, file };
  });
}

function read<T extends Options, R>(
  usage: string,
  options: T,
  check: (values: Values<T>, words: string[]) => R,
): R {
  if (process.argv.slice(2).some((word) => word === "--help" || word === "-h")) {
    console.log(usage);
    return process.exit(0);
  }
  try {
    const { values, words } = parse(options);
    return check(values as Values<T>, words);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return process.exit(2);
  }
}

function parse(options: Options) {
  const types = Object.entries(options).map(([name, option]) => {
    return [name, { type: typeof option === "boolean" ? "boolean" : "string" } as const];
  });
  const given: { values: Record<string, unknown>; positionals: string[] } = parseArgs({
    options: Object.fromEntries(types),
    allowPositionals: true,
  });
  const values = Object.fromEntries(
    Object.entries(options).map(([name, option]) => [
      name,
      valueOf(name, option, given.values[name]),
    ]),
  );
  return { values, words: given.positionals };
}

function valueOf(name: string, option: Option, given: unknown): string | boolean | number {
  const [otherwise, most] = typeof option === "object" ? option : [option];
  if (typeof given === "boolean") return given;
  if (typeof given !== "string") return otherwise;
  return typeof otherwise === "number" ? wholeNumber(name, given, most) : given;
}

/** A whole number from 1. Throws, naming the option, when it is another or greater than `most`. */
export function wholeNumber(name: string, text: string, most = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  const to = most === Number.MAX_SAFE_INTEGER ? "" : ` to ${most}`;
  throw new Error(`--${name} is a whole number from 1${to}, not ${text}`);
}

/** The origin that `--url` names; a slash at its end is as good. Throws for any other address. */
export function originOf(url: string): string {
  const address = URL.canParse(url) ? new URL(url) : null;
  const isWeb = address?.protocol === "https:" || address?.protocol === "http:";
  // Neither a path nor a query, nor a password.
  if (isWeb && address.href === `${address.origin}/`) return address.origin;
  throw new Error(`--url is an origin such as https://orders.example.com, not ${url}`);
}
