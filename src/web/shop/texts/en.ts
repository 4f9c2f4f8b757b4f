import { count, plural } from "../../shared/format.ts";

/** The shop's texts in English. `de.ts` has the same in German. */
export const en = {
  /** Of the browser's tab, and what is said of the page where it is linked. */
  pageTitle: "Lockstock: few of each, fairly sold",
  pageDescription: "Limited items, sold fairly: live stock, one click, an answer at once.",
  skipToCatalogue: "Skip to the catalogue",
  skipToCart: "Skip to the cart",
  place: "Shop",
  title: "Few of each. Fairly sold.",
  lead: "Live stock, one click, and the answer arrives while you watch.",
  side: "Cart and orders",
  more: "More",
  motto: "Every unit is promised once.",
  keep: "Keep it",
  close: "Close",

  updates: "Order updates:",
  connection: {
    connecting: ["Connecting", "Connecting to hear of your orders as they change"],
    live: ["Live", "Connected: changes of your orders appear by themselves"],
    polling: ["Polling", "No live connection: your orders are asked for every few seconds"],
    busy: ["Busy", "The shop has much to do; your orders are asked for again in a moment"],
    offline: ["Offline", "The shop cannot be reached; it is tried again"],
  },

  nothingOnSale: ["Nothing is on sale", "As soon as there is, it appears here."],
  eachAtMost: (limit: number) => `max. ${count(limit)} each`,
  soldOut: "Sold out",
  soon: "Coming soon",
  left: (n: number) => `${count(n)} left`,
  onlyLeft: (n: number) => `Only ${count(n)} left`,
  stockOf: (name: string) => `Stock of ${name}`,
  saleOver: "Sale over",
  opensIn: "Opens in",
  endsIn: "Ends in",
  add: "Add to cart",
  inTheCart: "in the cart",
  nowInCart: (name: string, n: number) => `${name}: ${count(n)} in the cart.`,
  toTheCart: "To the cart",
  /** Why no more of an item can be picked, on its button. */
  obstacle: {
    before: "Not open yet",
    over: "Sale is over",
    paused: "Paused",
    soldOut: "Sold out",
    limitUsed: "Limit used up",
    limit: "Limit reached",
    left: "No more left",
    gone: "No longer offered",
  },
  /** Why a line of the cart is not ordered. */
  notOrdered: {
    before: "Not open yet. It stays in your cart.",
    over: "The sale is over. It is not ordered.",
    paused: "Paused by the shop. It stays in your cart.",
    soldOut: "Sold out. It is not ordered.",
    limitUsed: "You have all that one customer may have. It is not ordered.",
    gone: "No longer offered. It is not ordered.",
  },
  /** Of what is in the cart only so many can be had. */
  onlyOrdered: {
    left: (n: number) => `Only ${count(n)} left: ${count(n)} ordered.`,
    limit: (n: number) => `You may have ${count(n)} more: ${count(n)} ordered.`,
  },

  cart: "Cart",
  nothingPicked: "Nothing picked yet. What you add stays here, also after a reload.",
  orderNow: "Order now",
  nothingToOrder: "Nothing here can be ordered now",
  oneClick: "One click orders. You see here at once whether it is yours.",
  quantityOf: (name: string) => `Quantity of ${name}`,
  oneLess: (name: string) => `One less: ${name}`,
  oneMore: (name: string) => `One more: ${name}`,
  remove: "Remove",
  removeItem: (name: string) => `Remove: ${name}`,
  units: (n: number) => plural(n, "unit"),
  items: (n: number) => plural(n, "item"),

  yourOrders: "Your orders",
  noOrders: "None yet. Each order lives here, from accepted to paid.",
  olderOrders: (n: number) => `Show ${plural(n, "older order")}`,
  refused: [
    "The shop does not accept this session",
    "Your orders are kept, and it is tried again. Starting anew gives them up here.",
  ],
  startAnew: "Start anew",

  sending: "Sending",
  onItsWay: "On its way. You can close or reload this page: it counts once.",
  status: {
    pending: "Accepted",
    confirmed: "Confirmed",
    paid: "Paid",
    cancelled: "Cancelled",
    returned: "Returned",
  },
  /** Under the lines of an order. */
  explained: {
    pending: "Your order is written down. Its stock is being locked.",
    confirmed: "It is yours: the stock is locked for you.",
    paid: "Paid. It is on its way to you.",
    cancelled: "",
    returned: "Everything came back.",
  },
  since: "since",
  payWithin: "Pay within",
  payOver: "The time to pay is over",
  cancel: "Cancel",
  cancelOrder: (id: string, lines: string) => `Cancel the order ${id}: ${lines}`,
  cancelQuestion: {
    title: "Cancel this order?",
    text: (lines: string) => `${lines} will go back on sale. This cannot be undone.`,
    action: "Cancel the order",
  },
  /** What a screen reader reads out when an order changes. */
  changed: {
    pending: (lines: string, total: string) => `Order accepted: ${lines}, ${total}.`,
    confirmed: (lines: string) => `Order confirmed: ${lines}.`,
    paid: (lines: string) => `Order paid: ${lines}.`,
    returned: (lines: string) => `Order returned: ${lines}.`,
    cancelled: (lines: string) => `Order cancelled: ${lines}.`,
  },
  reason: {
    out_of_stock: "Sold out before your order was reached.",
    limit_exceeded: "More than one customer may have.",
    paused: "The shop takes no orders for it at the moment.",
    customer_request: "Cancelled on request. Everything went back on sale.",
    operator_request: "The shop cancelled it. Everything went back on sale.",
    payment_timeout: "It was not paid in time, so everything went back on sale.",
    not_recorded: "It was cancelled. Everything went back on sale.",
    lock_timeout: "The stock did not answer in time. Nothing was taken; please order again.",
  },
  /** Of one line that was refused. */
  shortage: {
    limit_exceeded: (name: string) => `${name}: your limit is used up.`,
    paused: (name: string) => `${name}: paused.`,
    expired: (name: string) => `${name}: the order was too old.`,
    none: (name: string, wanted: number) => `${name}: ${count(wanted)} wanted, none was left.`,
    some: (name: string, wanted: number, n: number) =>
      `${name}: ${count(wanted)} wanted, only ${count(n)} left.`,
  },

  nothingOrdered: "Nothing was ordered.",
  soldOutNow: "Sold out.",
  somebodyFaster: "Somebody was faster.",
  opensAt: (time: string) => `The sale opens at ${time}.`,
  saleIsOver: "The sale is over.",
  notOffered: "One of the items is no longer offered.",
  currencies: "Items of different currencies need an order each.",
  notTaken: "The shop could not take this order.",
  unfilled: "Your order was not filled. What it named is in the cart again.",
  startedAnew:
    "You have started anew before an order was answered. It may exist all the same; what it named is in the cart again.",
  tooMany: "Your orders before this one are still being sent. Order again once they are.",
  kept: "Your order is kept and sent again; it counts once.",

  /** The check that a new guest has to pass. */
  challenge: {
    title: "A short check",
    hint: "It shows that you are not a robot, and mostly passes by itself.",
    frame: "Check of new guests",
    again: "Try again",
    before: "Your order is sent as soon as the check is passed.",
    failed: "The check for new guests was not passed",
    late: "It may have taken too long. Try it once more; if it fails again, reload the page or use another browser.",
    unverified:
      "The check cannot be verified at the moment. Nothing is lost: try again in a few seconds.",
    incomplete: "The check could not be completed",
    blocked: (why: string) =>
      `Maybe the network or an extension of your browser blocks challenges.cloudflare.com, or your browser is not supported (${why}).`,
  },

  /** What is wrong when a call fails. */
  unreachable: "The shop cannot be reached.",
  crowded: "Many are here at the moment.",
  busy: "The shop is busy.",
  failed: "That did not work.",
  triedAgain: "It is tried again by itself.",
  stockFrom: (time: string) => `The stock you see is from ${time}.`,
  notCancellable: "It is paid, so it cannot be cancelled here.",
  request: "Request",
} as const;
