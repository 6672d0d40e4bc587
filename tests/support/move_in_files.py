"""Export files of other systems, as their users get them. All products are invented."""

import csv
import io

SHOPIFY_HEADER = (
    "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,"
    "Option1 Value,"
    "Option2 Name,Option2 Value,Option3 Name,Option3 Value,Variant SKU,Variant Grams,"
    "Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,"
    "Variant Fulfillment Service,Variant Price,Variant Compare At Price,Variant Requires Shipping,"
    "Variant Taxable,Variant Barcode,Image Src,Image Position,Image Alt Text,Gift Card,SEO Title,"
    "SEO Description,Variant Image,Variant Weight Unit,Variant Tax Code,Cost per item,Status"
)
SHOPIFY = [
    {
        "Handle": "linen-shirt",
        "Title": "Linen shirt",
        "Body (HTML)": "<p>Washed, light\nand airy</p>",
        "Product Category": "Apparel & Accessories > Clothing > Shirts",
        "Type": "Shirts",
        "Option1 Name": "Size",
        "Option1 Value": "M",
        "Option2 Name": "Color",
        "Option2 Value": "Red",
        "Variant SKU": "LS-M-RED",
        "Variant Inventory Tracker": "shopify",
        "Variant Inventory Qty": "4",
        "Variant Price": "39.90",
        "Variant Taxable": "true",
        "Variant Barcode": "'4006381333931",
        "Status": "active",
    },
    {
        "Handle": "linen-shirt",
        "Option1 Value": "L",
        "Option2 Value": "Red",
        "Variant SKU": "LS-L-RED",
        "Variant Inventory Tracker": "shopify",
        "Variant Inventory Qty": "-2",
        "Variant Price": "39.90",
        "Variant Taxable": "true",
    },
    {"Handle": "linen-shirt", "Image Src": "https://cdn.example/2.jpg", "Image Position": "2"},
    {
        "Handle": "voucher-card",
        "Title": "Greeting card",
        "Option1 Name": "Title",
        "Option1 Value": "Default Title",
        "Variant Price": "2.50",
        "Variant Taxable": "false",
        "Status": "draft",
    },
]
# The headings of 2025 and later.
SHOPIFY_CURRENT_HEADER = (
    "Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,"
    "Status,SKU,Barcode,Option1 name,Option1 value,Option1 Linked To,Option2 name,Option2 value,"
    "Option2 Linked To,Option3 name,Option3 value,Option3 Linked To,Price,Compare-at price,"
    "Cost per item,Charge tax,Tax code,Unit price total measure,Unit price total measure unit,"
    "Unit price base measure,Unit price base measure unit,Inventory tracker,Inventory quantity,"
    "Continue selling when out of stock,Weight value (grams),Weight unit for display,"
    "Requires shipping,Fulfillment service,Product image URL,Image position,Image alt text,"
    "Variant image URL,Gift card,SEO title,SEO description"
)
SHOPIFY_CURRENT = [
    {
        "Title": "Felt hat",
        "URL handle": "felt-hat",
        "Description": "<p>Warm</p>",
        "Product category": "Apparel & Accessories > Clothing Accessories > Hats",
        "Status": "Active",
        "SKU": "FH-M",
        "Barcode": "4006381333931",
        "Option1 name": "Size",
        "Option1 value": "M",
        "Price": "29.00",
        "Cost per item": "11.50",
        "Charge tax": "TRUE",
        "Inventory tracker": "shopify",
        "Inventory quantity": "6",
    },
    # The title may be repeated, and the price is that of the product.
    {
        "Title": "Felt hat",
        "URL handle": "felt-hat",
        "SKU": "FH-L",
        "Option1 value": "L",
        "Charge tax": "TRUE",
        "Inventory tracker": "shopify",
        "Inventory quantity": "0",
    },
    {"URL handle": "felt-hat", "Product image URL": "https://cdn.example/2.jpg"},
    {
        "Title": "Repair",
        "URL handle": "repair",
        "Status": "Active",
        "Option1 name": "Title",
        "Option1 value": "Default Title",
        "Price": "15.00",
        "Charge tax": "TRUE",
    },
]
SHOPIFY_INVENTORY_HEADER = (
    "Handle,Title,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Option3 Name,"
    "Option3 Value,SKU,HS Code,COO,Location,Bin name,Incoming (not editable),"
    "Unavailable (not editable),Committed (not editable),Available (not editable),"
    "On hand (current),On hand (new)"
)
SQUARE_HEADER = (
    "Reference Handle,Token,Item Name,Customer-facing Name,Variation Name,SKU,Description,"
    "Categories,"
    "Reporting Category,GTIN,Item Type,Weight (kg),Price,Online Sale Price,Archived,Sellable,"
    "Contains Alcohol,Stockable,Skip Detail Screen in POS,Option Name 1,Option Value 1,"
    "Current Quantity Market Hall,New Quantity Market Hall,Stock Alert Enabled Market Hall,"
    "Stock Alert Count Market Hall,Tax - Sales Tax (19%)"
)
SQUARE = [
    {
        "Token": "T1",
        "Item Name": "Filter coffee",
        "Variation Name": "Large",
        "SKU": "FC-L",
        "Categories": "Drinks > Hot drinks, Breakfast",
        "GTIN": "4006381333931",
        "Price": "3.50",
        "Archived": "N",
        "Current Quantity Market Hall": "12",
        "Tax - Sales Tax (19%)": "Y",
    },
    {
        "Token": "T2",
        "Item Name": "Donation",
        "Variation Name": "Regular",
        "Price": "variable",
        "Archived": "Y",
        "Tax - Sales Tax (19%)": "N",
    },
]
LOYVERSE_HEADER = (
    "Handle,SKU,Name,Category,Description,Sold by weight,Option 1 name,Option 1 value,"
    "Option 2 name,Option 2 value,Option 3 name,Option 3 value,Cost,Barcode,SKU of included item,"
    "Quantity of included item,Track stock,Available for sale [Market Hall],Price [Market Hall],"
    'In stock [Market Hall],Low stock [Market Hall],"Tax - ""VAT"" (19%)"'
)
LOYVERSE = [
    {
        "Handle": "olives",
        "SKU": "10001",
        "Name": "Olives",
        "Category": "Deli",
        "Sold by weight": "Y",
        "Track stock": "Y",
        "Available for sale [Market Hall]": "Y",
        "Price [Market Hall]": "18.00",
        "In stock [Market Hall]": "3.250",
        'Tax - "VAT" (19%)': "Y",
    },
    {
        "Handle": "basket",
        "SKU": "10002",
        "Name": "Basket",
        "Category": "Gifts",
        "Sold by weight": "N",
        "Option 1 name": "Size",
        "Option 1 value": "Small",
        "Track stock": "N",
        "Available for sale [Market Hall]": "Y",
        "Price [Market Hall]": "25.00",
        'Tax - "VAT" (19%)': "Y",
    },
    {"Handle": "basket", "SKU of included item": "10001", "Quantity of included item": "1"},
    {
        "Handle": "basket",
        "SKU": "10003",
        "Sold by weight": "N",
        "Option 1 value": "Large",
        "Track stock": "N",
        "Available for sale [Market Hall]": "N",
        "Price [Market Hall]": "45.00",
        'Tax - "VAT" (19%)': "Y",
    },
]
WOOCOMMERCE_HEADER = (
    'ID,Type,SKU,"GTIN, UPC, EAN, or ISBN",Name,Published,"Is featured?","Visibility in catalog",'
    '"Short description",Description,"Tax status","Tax class","In stock?",Stock,"Low stock amount",'
    '"Backorders allowed?","Sale price","Regular price",Categories,Tags,Images,Parent,Position,'
    '"Attribute 1 name","Attribute 1 value(s)","Attribute 1 visible","Attribute 1 global",'
    "Brands,Cost of goods"
)
WOOCOMMERCE = [
    {
        "ID": "10",
        "Type": "variable",
        "SKU": "TEE",
        "Name": "Tee",
        "Published": "1",
        "Categories": "Clothing > Tees",
        "Attribute 1 name": "Size",
        "Attribute 1 value(s)": "S, M",
    },
    {
        "ID": "11",
        "Type": "variation",
        "SKU": "TEE-S",
        "Name": "Tee - S",
        "Published": "1",
        "Tax status": "taxable",
        "Tax class": "parent",
        "Stock": "7",
        "Regular price": "19.95",
        "Parent": "TEE",
        "Attribute 1 name": "Size",
        "Attribute 1 value(s)": "S",
    },
    {
        "ID": "12",
        "Type": "simple",
        "GTIN, UPC, EAN, or ISBN": "4006381333931",
        "Name": "Pencil",
        "Published": "1",
        "Tax status": "none",
        "Regular price": "1.20",
        "Categories": "Paper",
    },
]
LIGHTSPEED_X_HEADER = (
    "id,handle,sku,composite_name,composite_sku,composite_quantity,name,description,product_category,"
    "variant_option_one_name,variant_option_one_value,variant_option_two_name,"
    "variant_option_two_value,variant_option_three_name,variant_option_three_value,tags,supply_price,"
    "retail_price,loyalty_value,tax_name,tax_value,account_code,brand_name,supplier_name,"
    "supplier_code,active,track_inventory,inventory_Market_Hall,reorder_point_Market_Hall"
)
LIGHTSPEED_X = [
    {
        "id": "5f0c",
        "handle": "mug",
        "sku": "MUG-BLUE",
        "name": "Mug",
        "product_category": "Kitchen",
        "variant_option_one_name": "Color",
        "variant_option_one_value": "Blue",
        "retail_price": "9.5",
        "tax_name": "Default Tax",
        "active": "1",
        "track_inventory": "1",
        "inventory_Market_Hall": "5.00",
    }
]
LIGHTSPEED_R_HEADER = (
    '"System ID",UPC,EAN,"Custom SKU","Manufact. SKU",Item,"Vendor ID",Qty.,Price,Tax,Brand,'
    '"Publish to eCom",Season,Department,MSRP,"Tax Class","Default Cost",Vendor,Category,'
    '"Subcategory 1"'
)
LIGHTSPEED_R = [
    {
        "System ID": "210000000001",
        "EAN": "4006381333931",
        "Custom SKU": "BELL-01",
        "Item": "Bicycle bell",
        "Qty.": "8",
        "Price": "€19.90",
        "Tax": "Yes",
        "Tax Class": "Item",
        "Category": "Accessories",
    }
]
OPENSOURCEPOS_HEADER = (
    'Id,Barcode,"Item Name",Category,"Supplier ID","Cost Price","Unit Price","Tax 1 Name",'
    '"Tax 1 Percent","Tax 2 Name","Tax 2 Percent","Reorder Level",Description,'
    '"Allow Alt Description","Item has Serial Number",Image,HSN,"location_Market Hall"'
)
OPENSOURCEPOS = [
    {
        "Id": "7",
        "Barcode": "4006381333931",
        "Item Name": "Notebook",
        "Category": "Paper",
        "Cost Price": "1.00",
        "Unit Price": "2.40",
        "Tax 1 Name": "VAT",
        "Tax 1 Percent": "19.000",
        "Reorder Level": "2",
        "location_Market Hall": "30",
    }
]
ODOO_HEADER = (
    '"External ID","Name","Internal Reference","Barcode","Sales Price","Cost",'
    '"Product Category","Quantity On Hand","Variant Values","Sales Taxes"'
)
ODOO = [
    {
        "External ID": "__export__.product_product_1",
        "Name": "Hoodie",
        "Internal Reference": "HD-M",
        "Barcode": "4006381333931",
        "Sales Price": "49.00",
        "Cost": "21.00",
        "Product Category": "All / Saleable / Hoodies, Sweaters",
        "Quantity On Hand": "6.00",
        "Variant Values": "Size: M,Color: Navy, dark",
        "Sales Taxes": "19% USt",
    },
    {
        "External ID": "__export__.product_product_2",
        "Name": "Hoodie",
        "Internal Reference": "HD-L",
        "Sales Price": "51.00",
        "Product Category": "All / Saleable / Hoodies, Sweaters",
        "Quantity On Hand": "0.00",
        "Variant Values": "Size: L,Color: Navy, dark",
        "Sales Taxes": "19% USt",
    },
    {
        "External ID": "product.gift_wrap",
        "Name": "Gift wrap",
        "Sales Price": "3.00",
        "Product Category": "All",
    },
]
FILES = {
    "shopify": (SHOPIFY_HEADER, SHOPIFY),
    "shopify (current)": (SHOPIFY_CURRENT_HEADER, SHOPIFY_CURRENT),
    "square": (SQUARE_HEADER, SQUARE),
    "loyverse": (LOYVERSE_HEADER, LOYVERSE),
    "woocommerce": (WOOCOMMERCE_HEADER, WOOCOMMERCE),
    "lightspeed": (LIGHTSPEED_X_HEADER, LIGHTSPEED_X),
    "lightspeed (items)": (LIGHTSPEED_R_HEADER, LIGHTSPEED_R),
    "opensourcepos": (OPENSOURCEPOS_HEADER, OPENSOURCEPOS),
    "odoo": (ODOO_HEADER, ODOO),
}


def build_export(name: str) -> str:
    """Return the export file of a system, with a byte order mark as most have it."""
    return build_csv(*FILES[name])


def build_csv(header: str, rows: list[dict[str, str]]) -> str:
    """Return a file with these rows; cells that a row does not name are empty."""
    (columns,) = csv.reader([header])
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return "\ufeff" + text.getvalue()
