"""HTTP conventions of the API: normalization, caching and OPTIONS."""


def test_invisible_characters_do_not_make_a_different_sku(client_of, manager, product, problem):
    manager_client = client_of(manager)
    twin = {"sku": f"{product.sku[0]}\u200b{product.sku[1:]}", "name": "Twin", "price": "1.00"}

    problem(manager_client.post("products/", twin), 409, "sku_taken")


def test_orders_and_customers_are_sent_with_no_store(client_of, manager):
    for path in ("orders/", "customers/"):
        assert client_of(manager).get(path)["Cache-Control"] == "no-store"


def test_options_is_not_allowed(client_of, manager, problem):
    problem(client_of(manager).send("OPTIONS", "orders/", b""), 405, "method_not_allowed")
