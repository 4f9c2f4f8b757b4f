import { runSale } from "../src/web/sale/sale.ts";
void runSale;
