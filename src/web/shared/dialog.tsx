import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Store, useStore } from "./store.ts";

/** A page in another language sets its own. */
export const dialogWords = { keep: "Keep it", close: "Close" };

interface DialogProps {
  title: string;
  onClose: () => void;
  children?: ComponentChildren;
  wide?: boolean;
}

/** A modal <dialog>: the browser traps the focus, closes it on Escape and restores the focus. */
export function Dialog({ title, onClose, children, wide = false }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const opener = document.activeElement;
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => {
      dialog?.close();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={wide ? "dialog wide" : "dialog"}
      aria-labelledby={id}
      onCancel={(event: Event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header class="dialog-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="icon-button" aria-label={dialogWords.close} onClick={onClose}>
          <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path class="stroke" d="M3 3l10 10M13 3L3 13" />
          </svg>
        </button>
      </header>
      {children}
    </dialog>
  );
}

interface Question {
  title: string;
  text: string;
  /** The label of the confirming button. */
  action: string;
  /** The label of the other one; by default "Keep it". */
  keep?: string;
  answer: (isYes: boolean) => void;
}

const question = new Store<Question | null>(null);

/** Asks for confirmation before an action that cannot be undone. */
export function confirmed(ask: Omit<Question, "answer">): Promise<boolean> {
  question.get()?.answer(false);
  return new Promise((resolve) => {
    question.set({
      ...ask,
      answer: (isYes) => {
        question.set(null);
        resolve(isYes);
      },
    });
  });
}

/** Shows the questions of `confirmed`. Rendered once on each page, as its last element. */
export function Questions() {
  const asked = useStore(question);
  if (!asked) return <></>;
  return (
    <Dialog title={asked.title} onClose={() => asked.answer(false)}>
      <p>{asked.text}</p>
      <div class="dialog-actions">
        <button type="button" class="button quiet" autofocus onClick={() => asked.answer(false)}>
          {asked.keep ?? dialogWords.keep}
        </button>
        <button type="button" class="button danger" onClick={() => asked.answer(true)}>
          {asked.action}
        </button>
      </div>
    </Dialog>
  );
}
