/** One deliberate bug: a replacement of text that occurs exactly once in its file. */
export interface Mutant {
  name: string;
  file: string;
  from: string;
  to: string;
  also?: readonly { from: string; to: string }[];
}
