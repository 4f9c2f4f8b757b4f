import { setLocale } from "../../shared/format.ts";
import { de } from "./de.ts";
import { en } from "./en.ts";
import type { Texts } from "./type.ts";

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
