import * as v from "valibot";

/**
 * Characters that change how the text around them is shown, or that show nothing at all, so that
 * two names look like one: control characters, line and paragraph separators, the bidirectional
 * embeddings, overrides and isolates (U+202A–202E, U+2066–2069), what Unicode calls
 * default-ignorable (zero width space, word joiner, byte order mark, fillers, tags), interlinear
 * annotations and noncharacters.
 *
 * Of the default-ignorable ones stay those that languages and emoji need: ZWNJ and ZWJ (Persian,
 * emoji), the marks U+200E, U+200F and U+061C (right-to-left names; they reorder no letters), the
 * soft hyphen, variation selectors, and the vowel separator of Mongolian.
 */
const REFUSED =
  /(?!\u00ad|\u061c|[\u200c-\u200f]|\p{Variation_Selector}|\u180e)[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\ufff9-\ufffb]/u;

/** The flags of England, Scotland, Wales …: a black flag, letters as tags, the closing tag. */
const FLAGS = /\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{3,6}\u{e007f}/gu;

const VISIBLE = /[^\p{White_Space}\p{Default_Ignorable_Code_Point}]/u;

/** Half a surrogate has no UTF-8: what the database keeps would not be what was sent (RFC 7493). */
export const wellFormed = v.check<string, string>(
  (text) => text.isWellFormed(),
  "must be well-formed Unicode",
);

/** The first character that is refused; undefined: there is none. */
const refusedIn = (text: string): string | undefined => REFUSED.exec(text.replace(FLAGS, ""))?.[0];

/**
 * One line of text that people read: a name, a reason. It is trimmed, and otherwise kept as it was
 * sent: nothing is normalised.
 */
export const lineOfText = (maxLength: number) =>
  v.pipe(
    v.string(),
    v.trim(),
    v.minLength(1, "must not be empty"),
    v.maxLength(maxLength, `must have at most ${maxLength} characters`),
    wellFormed,
    v.check(
      (text) => refusedIn(text) === undefined,
      ({ input }) =>
        `must be one line, without control, invisible or reordering characters: ${nameOf(input)}`,
    ),
    v.check((text) => text === "" || VISIBLE.test(text), "must show something"),
  );

function nameOf(text: string): string {
  const code = refusedIn(text)?.codePointAt(0) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}
