import type { ComponentChildren, InputHTMLAttributes } from "preact";
import { useRef, useState } from "preact/hooks";
import { ProblemNotice } from "../shared/notices.tsx";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";

interface FormProps {
  action: string;
  /** Resolves when the request is done. If it throws, the form shows the problem and stays open. */
  onSubmit: (data: FormData) => Promise<void>;
  onCancel: () => void;
  children?: ComponentChildren;
}

/** A form in a dialog: sends one request at a time and shows its problem in place. */
export function Form({ action, onSubmit, onCancel, children }: FormProps) {
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const busy = useRef(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!(event.target instanceof HTMLFormElement) || busy.current) return;
    busy.current = true;
    setIsBusy(true);
    setProblem(null);
    try {
      await onSubmit(new FormData(event.target));
    } catch (error) {
      setProblem(asProblem(error));
    }
    busy.current = false;
    setIsBusy(false);
  };
  return (
    <form class="form" onSubmit={(event: Event) => void submit(event)}>
      {children}
      {problem ? <ProblemNotice problem={problem} /> : <></>}
      <div class="dialog-actions">
        <button type="button" class="button quiet" onClick={onCancel}>
          Close
        </button>
        <button type="submit" class="button primary" aria-disabled={isBusy ? "true" : "false"}>
          {isBusy ? "Working…" : action}
        </button>
      </div>
    </form>
  );
}

interface FieldProps {
  label: string;
  name: string;
  hint?: string;
  type?: string;
  /** The initial value; the field is uncontrolled. */
  initial?: string | number;
  required?: boolean;
  min?: number;
  max?: number;
  step?: string;
  pattern?: string;
  readonly?: boolean;
  autofocus?: boolean;
}

export function Field({ label, hint, initial, ...input }: FieldProps) {
  // Preact's types want to know by the type of the input whether it has a list: none has one.
  const attributes = {
    autocomplete: "off",
    defaultValue: initial,
    ...input,
  } as InputHTMLAttributes<HTMLInputElement>;
  return (
    <label class="field">
      <span>
        {label}
        {hint ? <small>{hint}</small> : <></>}
      </span>
      <input {...attributes} />
    </label>
  );
}

/** The trimmed text of a field. */
export function textOf(data: FormData, name: string): string {
  const value = data.get(name);
  return typeof value === "string" ? value.trim() : "";
}
