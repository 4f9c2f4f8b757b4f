import type { en } from "./en.ts";

/** Texts of any language: those of English with their values left open. */
type Open<T> = T extends string
  ? string
  : T extends (...args: infer A) => string
    ? (...args: A) => string
    : { readonly [K in keyof T]: Open<T[K]> };

export type Texts = Open<typeof en>;
