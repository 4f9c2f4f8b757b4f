import { shortId } from "../shared/format.ts";
import { hrefOf } from "./route.ts";

interface OrderLinkProps {
  id: string;
  /** Shows the last characters only, which is what its buyer sees. */
  isShort?: boolean;
}

/** The way to an order, from wherever it is named. */
export function OrderLink({ id, isShort = false }: OrderLinkProps) {
  return (
    <a href={hrefOf("orders", { q: id })} title={id}>
      <code>{isShort ? shortId(id) : id}</code>
    </a>
  );
}
