import type { Kernel } from "../kernel/kernel.ts";

/** What was promised (the invariants of the design, by number) and not kept. */
export class Report {
  readonly violations: string[] = [];
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  violated(invariant: number, text: string): void {
    const line = `invariant ${invariant}: ${text}`;
    this.violations.push(line);
    this.#kernel.note(`!!! ${line}`);
  }

  check(isKept: boolean, invariant: number, text: () => string): void {
    if (!isKept) this.violated(invariant, text());
  }
}
