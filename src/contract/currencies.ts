/**
 * The currencies that a price can have, with the digits of their minor units: ISO 4217, list one, as
 * published by SIX on 2026-01-01 (after amendment 180: without BGN, CUC, ANG and ZWL; with XCG, ZWG
 * and XAD). The pages use this list too. A browser's own digits come from CLDR, which describes how
 * people write amounts and differs from ISO for 15 currencies (IQD has 3 digits here).
 *
 * The list omits the 13 codes without minor units (XAU and the other metals, XDR, XSU, XUA, the bond
 * units, XTS, XXX), because an integer of minor units means nothing for them. It includes funds
 * codes that have digits (CLF, UYW, …).
 */
const CODES_BY_DIGITS: readonly (readonly [digits: number, codes: string])[] = [
  [0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"],
  [
    2,
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD " +
      "CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL " +
      "GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP " +
      "LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK " +
      "NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD " +
      "SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD " +
      "XCD XCG YER ZAR ZMW ZWG",
  ],
  [3, "BHD IQD JOD KWD LYD OMR TND"],
  [4, "CLF UYW"],
];

const DIGITS: ReadonlyMap<string, number> = new Map(
  CODES_BY_DIGITS.flatMap(([digits, codes]) =>
    codes.split(" ").map((code): [string, number] => [code, digits]),
  ),
);

/** The codes, in alphabetical order. */
export const CURRENCIES: readonly string[] = [...DIGITS.keys()].toSorted();

/** Digits of the minor unit: 2 for EUR, 0 for JPY, 3 for KWD. Undefined for an unlisted code. */
export const minorDigitsOf = (currency: string): number | undefined => DIGITS.get(currency);
