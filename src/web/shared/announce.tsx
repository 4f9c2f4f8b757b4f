import { Store, useStore } from "./store.ts";

const said = new Store("");

/** Makes a screen reader read out the text after it has finished its current one. */
export function announce(text: string): void {
  // A screen reader reads out changes only, so a repeated text gets a space.
  said.set(said.get() === text ? `${text}\u00a0` : text);
}

/** Rendered once on each page. */
export function Announcer() {
  return (
    <p class="visually-hidden" role="status" aria-live="polite">
      {useStore(said)}
    </p>
  );
}
