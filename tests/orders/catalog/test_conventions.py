"""What the API does with what nobody sees, keeps or asks for."""


def test_signs_that_nobody_sees_make_no_other_sku(client_of, manager, product, problem):
    manager_client = client_of(manager)
    twin = {"sku": f"{product.sku[0]}\u200b{product.sku[1:]}", "name": "Twin", "price": "1.00"}

    problem(manager_client.post("products/", twin), 409, "sku_taken")


def test_receipts_and_orders_are_no_caches_to_keep(client_of, manager):
    assert client_of(manager).get("orders/")["Cache-Control"] == "no-store"


def test_options_tells_nothing(client_of, manager, problem):
    problem(client_of(manager).send("OPTIONS", "orders/", b""), 405, "method_not_allowed")
