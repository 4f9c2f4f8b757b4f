import type { Reply, Vat } from "../kernel/vat.ts";
import { SimResponse } from "./http.ts";

/** Calls between vats: arguments and results are cloned, and every hop can go wrong. */

export interface Callee {
  vat: Vat;
  object: object;
}

/** The other end; `open` starts it if it is not running, or throws when it cannot be had. */
export interface CallTarget {
  readonly name: string;
  readonly isObject: boolean;
  open(): Callee;
  /** Calls get there, and are never answered. */
  isHanging?(): boolean;
}

const lost = (): Error => Object.assign(new Error("Network connection lost."), { retryable: true });
const overloaded = (): Error =>
  Object.assign(new Error("Durable Object is overloaded. Too many requests queued."), {
    overloaded: true,
    remote: true,
  });

/** A stub: every property is a method of the other end. */
export function stubOf(caller: Vat, target: CallTarget): object {
  return new Proxy(
    {},
    {
      get: (_, method) => {
        // A stub is no promise, and is asked for `then` whenever one is awaited by mistake.
        if (typeof method === "symbol" || method === "then") return undefined;
        if (method === "fetch") {
          return (url: string, init?: RequestInit) =>
            call(caller, target, "fetch", [new Request(url, init)]);
        }
        return (...args: unknown[]) => call(caller, target, method, structuredClone(args));
      },
    },
  );
}

function call(caller: Vat, target: CallTarget, method: string, args: unknown[]): Promise<unknown> {
  const { faults } = caller.kernel;
  const label = `${caller.name} → ${target.name}.${method}`;
  const slow = faults.strike("RPC slow", label) ? caller.kernel.slow_ms(caller.name) : 0;
  const isSlowBack = slow > 0 && caller.kernel.now_ms % 2 < 1;
  return caller.remote(
    label,
    (reply) => {
      if (target.isHanging?.()) return;
      if (faults.strike("RPC fails", label)) return reply.fail(lost());
      if (target.isObject && faults.strike("RPC overloaded", label))
        return reply.fail(overloaded());
      let callee: Callee;
      try {
        callee = target.open();
      } catch (error) {
        return reply.fail(error as Error);
      }
      const isLost = faults.strike("RPC reply lost", label);
      const late: Reply<unknown> = {
        ok: (value) => {
          if (isLost) reply.fail(lost());
          else if (isSlowBack)
            caller.kernel.after(slow, `${label} answers late`, () => reply.ok(value));
          else reply.ok(value);
        },
        fail: (error) => reply.fail(error),
      };
      serve(callee, method, args, late);
    },
    isSlowBack ? 0 : slow,
  );
}

/** Runs a method in its vat. Should the vat die first, the caller hears that the line is dead. */
export function serve(
  { vat, object }: Callee,
  method: string,
  args: unknown[],
  reply: Reply<unknown>,
): void {
  vat.busy++;
  const forget = vat.onDeath(() => reply.fail(lost()));
  const finish = (settle: () => void): void => {
    vat.busy--;
    vat.post(() => {
      forget();
      settle();
    });
  };
  const run = async (): Promise<unknown> => {
    const found = (object as Record<string, unknown>)[method];
    if (typeof found !== "function")
      throw new TypeError(`The RPC receiver does not implement the method "${method}".`);
    return found.apply(object, args);
  };
  run().then(
    (value) =>
      finish(() => reply.ok(value instanceof SimResponse ? value : structuredClone(value))),
    (error: unknown) => finish(() => reply.fail(remoteError(error))),
  );
}

const BUILT_IN = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

/** Built-in class, name, message and own properties survive the wire, and a mark that it came over one. */
export function remoteError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const Class = BUILT_IN[error.name as keyof typeof BUILT_IN] ?? Error;
  const { name, message } = error;
  return Object.assign(new Class(message), {
    ...Object.fromEntries(Object.entries(error)),
    ...(Class === Error && { name }),
    remote: true,
  });
}

type RequestInit = ConstructorParameters<typeof Request>[1];
