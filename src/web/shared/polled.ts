import { useEffect, useRef, useState } from "preact/hooks";
import { Pace } from "./pace.ts";
import { asProblem, type LockstockProblem } from "./problem.ts";

export interface Polled<T> {
  /** The last successful response; null until there is one. */
  data: T | null;
  /** The error of the last attempt; `data` is then stale. */
  problem: LockstockProblem | null;
  refresh: () => void;
}

/**
 * Loads now, and again at a `Pace` while the page is visible. When `key` changes, discards the data
 * and reloads, so that data of another key is never shown. `every_ms`: at an even pace.
 */
export function usePolled<T>(key: string, ask: () => Promise<T>, every_ms?: number): Polled<T> {
  const [state, setState] = useState<{
    key: string;
    data: T | null;
    problem: LockstockProblem | null;
  }>({
    key,
    data: null,
    problem: null,
  });
  const latest = useRef(ask);
  latest.current = ask;
  const poke = useRef(() => {});

  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let turn = 0;
    let before = "";
    const pace = new Pace(Math.random, every_ms);
    const run = async () => {
      clearTimeout(timer);
      const own = ++turn;
      const next = await answerOf(latest.current ?? ask);
      if (isOver || own !== turn) return;
      setState((last) => ({
        key,
        data: next.data ?? (last.key === key ? last.data : null),
        problem: next.problem,
      }));
      const now = JSON.stringify(next.data);
      const result = next.problem ?? (now === before ? "same" : "moved");
      before = now;
      const again = () => document.visibilityState === "visible" && void run();
      timer = setTimeout(again, pace.after(result));
    };
    const wake = () => {
      if (document.visibilityState === "visible") void run();
    };
    poke.current = () => void run();
    document.addEventListener("visibilitychange", wake);
    void run();
    return () => {
      isOver = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", wake);
    };
  }, [key]);

  const isCurrent = state.key === key;
  return {
    data: isCurrent ? state.data : null,
    problem: isCurrent ? state.problem : null,
    refresh: () => poke.current?.(),
  };
}

async function answerOf<T>(ask: () => Promise<T>) {
  try {
    return { data: await ask(), problem: null };
  } catch (error) {
    return { data: null, problem: asProblem(error) };
  }
}
