import type { TestProject } from "vitest/node";
import { Siteverify } from "../../support/siteverify.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Of a stand-in for siteverify. */
    siteverify: string;
  }
}

/** One stand-in for all files, which run in workerd and can open no server. */
export default async function setup({ provide }: TestProject): Promise<() => void> {
  const siteverify = new Siteverify("shop.test");
  provide("siteverify", await siteverify.open());
  return () => siteverify.close();
}
