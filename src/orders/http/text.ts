import * as v from "valibot";

/**
 * Characters that change how the text around them looks, or are invisible, so that two different
 * names can look the same: control characters, line and paragraph separators, bidirectional
 * embeddings, overrides and isolates (U+202A–202E, U+2066–2069), Unicode's default-ignorable
 * characters (zero width space, word joiner, byte order mark, fillers, tags), interlinear
 * annotations and noncharacters.
 *
 * Default-ignorable characters that languages and emoji need are allowed: ZWNJ and ZWJ (Persian,
 * emoji), the marks U+200E, U+200F and U+061C (right-to-left names; these reorder no letters), the
 * soft hyphen, variation selectors and the Mongolian vowel separator.
 */
const FORBIDDEN =
  /(?!\u00ad|\u061c|[\u200c-\u200f]|\p{Variation_Selector}|\u180e)[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\ufff9-\ufffb]/u;

/** Flags of England, Scotland, Wales …: a black flag, letters as tags, the closing tag. */
const FLAG_SEQUENCES = /\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{3,6}\u{e007f}/gu;

const VISIBLE = /[^\p{White_Space}\p{Default_Ignorable_Code_Point}]/u;

/** UTF-8 cannot encode a lone surrogate, so D1 would store other text than was sent (RFC 7493). */
export const wellFormedCheck = v.check<string, string>(
  (text) => text.isWellFormed(),
  "must be well-formed Unicode",
);

const findForbidden = (text: string): string | undefined =>
  FORBIDDEN.exec(text.replace(FLAG_SEQUENCES, ""))?.[0];

/** One line of text for people, such as a name or a reason. It is trimmed but not normalised. */
export const singleLineText = (maxLength: number) =>
  v.pipe(
    v.string(),
    v.trim(),
    v.minLength(1, "must not be empty"),
    v.maxLength(maxLength, `must have at most ${maxLength} characters`),
    wellFormedCheck,
    v.check(
      (text) => findForbidden(text) === undefined,
      ({ input }) =>
        `must be one line, without control, invisible or reordering characters: ${codePointName(input)}`,
    ),
    v.check((text) => text === "" || VISIBLE.test(text), "must show something"),
  );

function codePointName(text: string): string {
  const code = findForbidden(text)?.codePointAt(0) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}
