/** Vars of the wrangler configuration are strings. The error for an unreadable one names it. */

export function integerVar(
  name: string,
  text: string | undefined,
  min: number,
  max: number,
): number {
  // `Number` reads an empty string as 0, which often means "never".
  const value = /^\d+$/.test(text ?? "") ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new RangeError(`var ${name} must be a whole number from ${min} to ${max}`);
}

export function booleanVar(name: string, text: string | undefined): boolean {
  if (text === "on" || text === "off") return text === "on";
  throw new RangeError(`var ${name} must be "on" or "off"`);
}

export function choiceVar<T extends string>(
  name: string,
  text: string | undefined,
  choices: readonly T[],
): T {
  const choice = choices.find((one) => one === text);
  if (choice !== undefined) return choice;
  throw new RangeError(`var ${name} must be ${choices.map((one) => `"${one}"`).join(" or ")}`);
}
