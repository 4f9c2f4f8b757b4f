import { setLocale } from "../../shared/format.ts";
import { de } from "./de.ts";
import { en } from "./en.ts";

/** Texts of any language: those of English with their values left open. */
type Open<T> = T extends string
  ? string
  : T extends (...args: infer A) => string
    ? (...args: A) => string
    : { readonly [K in keyof T]: Open<T[K]> };

export type Texts = Open<typeof en>;

const LANGUAGES = { en, de } as const;
type Language = keyof typeof LANGUAGES;

const languageOf = (tag: string): string => tag.split("-", 1)[0]?.toLowerCase() ?? "";
const isKnown = (language: string): language is Language => Object.hasOwn(LANGUAGES, language);

/** The first language of the browser that the shop has, with its region; else English. */
const tag = navigator.languages.find((one) => isKnown(languageOf(one))) ?? "en-GB";
const language = languageOf(tag);

/** The shop's texts in the buyer's language. */
export const t: Texts = LANGUAGES[isKnown(language) ? language : "en"];

document.documentElement.lang = tag;
setLocale(tag);
