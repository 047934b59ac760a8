//! Names of columns as shops and their programs write them, by role.

use super::roles::Role::{
    self, Category, Channel, Country, Currency, Customer, Event, EventId, Item, Order, Price, Quantity,
    Revenue, Time, Title,
};

const CUSTOMER_NAMES: &[&str] = &[
    "customerid",
    "customernumber",
    "customerno",
    "customercode",
    "custid",
    "customer",
    "userid",
    "clientid",
    "clientnum",
    "memberid",
    "shopperid",
    "buyerid",
    "householdkey",
    "householdid",
    "accountid",
    "accountnumber",
    "visitorid",
    "externalid",
    "kundennummer",
    "kundennr",
    "kundenid",
    "kunde",
    "idclient",
    "user",
    "client",
    "member",
    "userpseudoid",
    "anonymousid",
    "customeremail",
    "email",
];

const ITEM_NAMES: &[&str] = &[
    "itemid",
    "productid",
    "stockcode",
    "sku",
    "articleid",
    "articlenumber",
    "productcode",
    "itemcode",
    "lineitemsku",
    "movieid",
    "contentid",
    "asin",
    "isbn",
    "ean",
    "artikelnummer",
    "artikelnr",
    "artikelid",
    "goodsid",
    "offerid",
    "variantid",
    "item",
    "product",
    "article",
    "artikel",
];

const TIME_NAMES: &[&str] = &[
    "time",
    "timestamp",
    "eventtime",
    "eventtimestamp",
    "orderdate",
    "ordertime",
    "invoicedate",
    "purchasedate",
    "transactiondate",
    "transactiontime",
    "orderpurchasetimestamp",
    "datetime",
    "createdat",
    "orderedat",
    "purchasedat",
    "paidat",
    "originaltimestamp",
    "collectortstamp",
    "bestelldatum",
    "kaufdatum",
    "datum",
    "zeit",
    "date",
    "eventdate",
    "day",
    "ts",
    "updatedat",
];

const EVENT_NAMES: &[&str] = &[
    "eventtype",
    "eventname",
    "event",
    "feedbacktype",
    "action",
    "interactiontype",
    "behaviortype",
    "behavior",
    "activity",
];

const EVENT_ID_NAMES: &[&str] = &["eventid", "messageid", "eventuuid"];

const QUANTITY_NAMES: &[&str] = &[
    "quantity",
    "qty",
    "lineitemquantity",
    "units",
    "unitssold",
    "itemquantity",
    "menge",
    "anzahl",
    "stueck",
    "stück",
    "numberofcds",
];

const PRICE_NAMES: &[&str] = &[
    "unitprice",
    "price",
    "itemprice",
    "priceperunit",
    "lineitemprice",
    "sellingprice",
    "saleprice",
    "einzelpreis",
    "stueckpreis",
    "stückpreis",
    "preis",
    "listprice",
];

const REVENUE_NAMES: &[&str] = &[
    "netrevenue",
    "revenue",
    "linetotal",
    "totalprice",
    "totalamount",
    "salesamount",
    "netsales",
    "linerevenue",
    "amount",
    "sales",
    "total",
    "subtotal",
    "umsatz",
    "betrag",
    "gesamtpreis",
    "spend",
    "dollarvalue",
    "ordervalue",
    "paymentvalue",
    "transactionamount",
    "value",
];

const CURRENCY_NAMES: &[&str] = &["currency", "currencycode", "waehrung", "währung"];

const ORDER_NAMES: &[&str] = &[
    "orderid",
    "ordernumber",
    "orderno",
    "invoiceno",
    "invoicenumber",
    "invoiceid",
    "invoice",
    "transactionid",
    "basketid",
    "receiptid",
    "receiptnumber",
    "bestellnummer",
    "bestellnr",
    "rechnungsnummer",
    "bonnummer",
    "checkoutid",
    "order",
];

const CHANNEL_NAMES: &[&str] = &["channel", "saleschannel", "kanal", "sourcename", "platform", "medium"];

const TITLE_NAMES: &[&str] = &[
    "title",
    "description",
    "productname",
    "itemname",
    "productdescription",
    "lineitemname",
    "itemdescription",
    "bezeichnung",
    "produktname",
    "artikelname",
    "productdisplayname",
    "name",
    "beschreibung",
];

const CATEGORY_NAMES: &[&str] = &[
    "category",
    "productcategory",
    "categoryname",
    "itemcategory",
    "categoryl1",
    "categories",
    "department",
    "kategorie",
    "warengruppe",
    "genre",
    "genres",
    "categoryid",
    "producttype",
];

const COUNTRY_NAMES: &[&str] =
    &["country", "countrycode", "land", "shippingcountry", "billingcountry", "pays"];

impl Role {
    /// Names that mean it, the surest first, as [`super::facts::key`] writes them.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Customer => CUSTOMER_NAMES,
            Item => ITEM_NAMES,
            Time => TIME_NAMES,
            Event => EVENT_NAMES,
            EventId => EVENT_ID_NAMES,
            Quantity => QUANTITY_NAMES,
            Price => PRICE_NAMES,
            Revenue => REVENUE_NAMES,
            Currency => CURRENCY_NAMES,
            Order => ORDER_NAMES,
            Channel => CHANNEL_NAMES,
            Title => TITLE_NAMES,
            Category => CATEGORY_NAMES,
            Country => COUNTRY_NAMES,
        }
    }

    /// Parts of longer names that hint at it.
    pub(super) fn hints(self) -> &'static [&'static str] {
        match self {
            Customer => &["customerid", "userid", "clientid", "kundenn"],
            Item => &["itemid", "productid", "sku", "artikeln"],
            Time => &["timestamp", "datetime", "date", "datum", "time"],
            Quantity => &["quantity", "numberof", "menge"],
            Price => &["unitprice", "price"],
            Revenue => &["revenue", "amount", "totalprice", "value"],
            Order => &["orderid", "invoiceno", "transactionid"],
            Category => &["category"],
            Title => &["productname", "itemname", "description"],
            _ => &[],
        }
    }
}
