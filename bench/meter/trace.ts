/** The calls of D1 and objects, in the order of their beginnings and ends: a clock that counts. */

export interface Call {
  /** The caller: `http`, or the class of an object. */
  by: string;
  /** `D1`, the class of the object, or `request`: the whole of it. */
  what: string;
  start: number;
  /** Null: under way. */
  end: number | null;
}

/** Null: not traced, as a load would fill the memory. */
let calls: Call[] | null = null;
let clock = 0;

export function startTrace(): void {
  calls = [];
}

export function endTrace(): Call[] {
  const traced = calls ?? [];
  calls = null;
  return traced;
}

export async function traced<T>(by: string, what: string, work: () => T | Promise<T>): Promise<T> {
  if (calls === null) return work();
  const call: Call = { by, what, start: clock++, end: null };
  calls.push(call);
  try {
    return await work();
  } finally {
    call.end = clock++;
  }
}

/** The stub of an object or a service, with every call of a method traced. */
export const tracedStub = <T extends object>(stub: T, by: string, what: string): T =>
  new Proxy(stub, {
    get(inner, name) {
      const method: unknown = Reflect.get(inner, name);
      if (typeof method !== "function") return method;
      return (...args: unknown[]) =>
        traced(by, what, () => Reflect.apply(method, inner, args) as unknown);
    },
  });

/** The Workers get their objects by name alone. */
export const tracedNamespace = (target: DurableObjectNamespace, by: string, what: string) => ({
  getByName: (name: string) => tracedStub(target.getByName(name), by, what),
});
