/** The logo of both pages: a lock whose body is a stack. */
export function Brand({ place }: { place: string }) {
  return (
    <a class="brand" href="/">
      <svg viewBox="0 0 24 24" width="26" height="26" aria-hidden="true">
        <path class="brand-shackle" d="M7.5 10V7.5a4.5 4.5 0 0 1 9 0V10" />
        <rect class="brand-top" x="4" y="9.5" width="16" height="3.4" rx="1.2" />
        <rect class="brand-mid" x="4" y="14.1" width="16" height="3.4" rx="1.2" />
        <rect class="brand-low" x="4" y="18.7" width="10" height="3.4" rx="1.2" />
      </svg>
      <span class="brand-name">Lockstock</span>
      <span class="brand-place">{place}</span>
    </a>
  );
}
