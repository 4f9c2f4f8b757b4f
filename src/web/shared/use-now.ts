import { useEffect, useState } from "preact/hooks";
import { now_ms } from "./clock.ts";

/** The server's time; rerenders every second while `isRunning`. */
export function useNow(isRunning: boolean): number {
  const [now, setNow] = useState(now_ms());
  useEffect(() => {
    if (!isRunning) return;
    setNow(now_ms());
    const timer = setInterval(() => setNow(now_ms()), 1_000);
    return () => clearInterval(timer);
  }, [isRunning]);
  return now;
}
