import { textOf } from "./form.tsx";
import { search } from "./route.ts";

interface SearchBoxProps {
  label: string;
  placeholder: string;
  /** What is searched now. */
  q: string;
}

/** The one search of a view. What is searched is in the URL. */
export function SearchBox({ label, placeholder, q }: SearchBoxProps) {
  const submit = (event: Event) => {
    event.preventDefault();
    if (event.target instanceof HTMLFormElement) {
      search({ q: textOf(new FormData(event.target), "q") });
    }
  };
  return (
    // Another search in the URL, as of a link, is another form.
    <form class="search" role="search" key={q} onSubmit={submit}>
      <input
        name="q"
        type="search"
        aria-label={label}
        placeholder={placeholder}
        defaultValue={q}
        maxLength={200}
        autocomplete="off"
        spellcheck={false}
        onSearch={(event: Event) => {
          const isCleared = event.target instanceof HTMLInputElement && event.target.value === "";
          if (isCleared) search({ q: "" });
        }}
      />
      <button type="submit" class="button small">
        Find
      </button>
    </form>
  );
}
