"""Images of products: upload, removal, addresses, and what no image may do."""

import json
import struct
import zlib

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Product, ProductImage
from orders.services.documents.renderers.pdf import load_weasyprint
from orders.services.images import MAX_IMAGE_BYTES
from tenants.ids import new_id
from tenants.models import AuditEvent, OutboxEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory
from tests.support.api import Api, Person
from tests.support.discovery import snapshot_owned_rows
from tests.support.png import SIGNATURE, chunk, header
from tests.support.product_images import build_form_body, build_image, create_image, open_image
from tests.support.service_keys import KeyClient, create_key
from tests.support.variants import create_variant

FORM = "multipart/form-data; boundary=b"
PUBLIC = "public, max-age=31536000, immutable"


def put_image(client, product, content, content_type="image/png", version="*"):
    path = f"products/{product.pk}/image/"
    return client.send("PUT", path, content, content_type, If_Match=version)


def load(url, **headers):
    """Get an address of an image as a page does: without a log-in."""
    return Api(**headers).get(url.removeprefix("/api/v1/"))


def count_images(shop):
    with tenant_scope(shop):
        return ProductImage.objects.count()


# --- upload ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "mode", "content_type"),
    [
        ("PNG", "RGB", "image/png"),
        ("PNG", "RGBA", "image/png"),
        ("PNG", "P", "image/png"),
        ("PNG", "1", "image/png"),
        ("PNG", "I;16", "image/png"),
        ("JPEG", "RGB", "image/jpeg"),
        ("JPEG", "CMYK", "image/jpeg"),
        ("JPEG", "L", "image/jpeg"),
        ("WEBP", "RGBA", "image/webp"),
        # The content counts, because browsers name the type by the ending of the file.
        ("JPEG", "RGB", "image/png"),
    ],
)
def test_image_is_shown_with_its_thumbnail(manager_client, product, kind, mode, content_type):
    converted = "L" if mode == "I;16" else mode
    answer = put_image(
        manager_client, product, build_image(800, 400, kind, converted), content_type
    )

    assert answer.status_code == 200, answer.content
    image = answer.json()["image"]
    assert (image["width"], image["height"]) == (800, 400)
    for url, size in ((image["url"], (800, 400)), (image["thumbnail_url"], (320, 160))):
        shown = load(url)
        assert (shown.status_code, shown["Content-Type"]) == (200, "image/webp")
        assert shown["Cache-Control"] == PUBLIC
        assert shown["X-Content-Type-Options"] == "nosniff"
        picture = open_image(shown.content)
        assert (picture.format, picture.size) == ("WEBP", size)


def test_form_is_the_same_as_the_body(manager_client, product):
    content = build_image()
    first = put_image(manager_client, product, content).json()

    again = put_image(manager_client, product, build_form_body(content), FORM)

    assert again.json() == first
    assert first["version"] == 2


def test_first_picture_of_a_photo_is_shown(manager_client, product):
    answer = put_image(manager_client, product, build_photo(), "image/jpeg")

    assert answer.status_code == 200, answer.content
    image = answer.json()["image"]
    assert (image["width"], image["height"]) == (800, 400)


def test_image_with_many_scans_is_shown(manager_client, product):
    answer = put_image(manager_client, product, build_scans(100), "image/jpeg")

    assert answer.status_code == 200, answer.content


def test_large_image_is_scaled_and_transparency_kept(manager_client, product):
    content = build_image(3000, 1500, "PNG", "RGBA")

    image = put_image(manager_client, product, content).json()["image"]

    assert (image["width"], image["height"]) == (1600, 800)
    assert open_image(load(image["url"]).content).size == (1600, 800)


def test_metadata_is_removed_and_the_orientation_applied(manager_client, product):
    gps = {0x0112: 6, 0x010F: "Acme camera"}
    picture = open_image(build_image())
    exif = picture.getexif()
    exif.update(gps)
    exif.get_ifd(0x8825)[1] = "N"
    content = build_image(120, 80, "JPEG", exif=exif.tobytes(), comment=b"secret place")
    assert b"Acme camera" in content

    image = put_image(manager_client, product, content, "image/jpeg").json()["image"]

    assert (image["width"], image["height"]) == (80, 120)
    for url in (image["url"], image["thumbnail_url"]):
        shown = load(url).content
        assert not dict(open_image(shown).getexif())
        assert not any(word in shown for word in (b"EXIF", b"XMP", b"ICCP", b"Acme", b"secret"))
    red, _, blue = open_image(load(image["url"]).content).convert("RGB").getpixel((40, 10))
    assert red > blue  # the left half is on top


def test_new_image_replaces_the_old_one(manager_client, shop, product):
    old = put_image(manager_client, product, build_image(10, 10)).json()["image"]
    new = put_image(manager_client, product, build_image(20, 20)).json()["image"]

    assert old["url"] != new["url"]
    assert load(old["url"]).status_code == 404
    assert load(new["url"]).status_code == 200
    assert count_images(shop) == 1


def test_image_is_removed(manager_client, shop, product):
    image = put_image(manager_client, product, build_image()).json()["image"]
    path = f"products/{product.pk}/image/"

    removed = manager_client.delete(path)

    assert (removed.status_code, removed.json()["image"]) == (200, None)
    assert removed["ETag"] == '"3"'
    assert load(image["url"]).status_code == load(image["thumbnail_url"]).status_code == 404
    assert count_images(shop) == 0
    assert manager_client.delete(path).json()["version"] == 3


def test_changes_are_announced_and_recorded(manager_client, shop, product):
    image = put_image(manager_client, product, build_image()).json()["image"]
    put_image(manager_client, product, build_image())
    manager_client.delete(f"products/{product.pk}/image/")

    with tenant_scope(shop):
        events = OutboxEvent.objects.filter(topic="product.updated").order_by("pk")
        recorded = AuditEvent.objects.filter(event="product_changed").order_by("pk")
        assert [each.subject_version for each in events] == [2, 3]
        facts = [each.facts["changes"]["image"] for each in recorded]
    assert facts[0]["from"] is None
    assert facts[0]["to"]["hash"] in image["url"]
    assert facts[1] == {"from": facts[0]["to"], "to": None}


# --- refusals -------------------------------------------------------------------------------------


def build_png_of(width, height):
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return SIGNATURE + header(width, height) + pixels + chunk(b"IEND")


def build_animation(kind):
    other = open_image(build_image(mode="L")).convert("RGB")
    return build_image(kind=kind, save_all=True, append_images=[other], duration=100)


def build_scans(number):
    """Return a progressive JPEG of a few pixels with so many scans."""
    content = build_image(kind="JPEG", mode="L", progressive=True)
    last = content.rindex(b"\xff\xda")
    more = number - content.count(b"\xff\xda")
    return content[:-2] + content[last:-2] * more + content[-2:]


def build_photo():
    """Return a photo with a second picture, as phones and cameras make them (MPO)."""
    second = open_image(build_image(4, 4))
    return build_image(800, 400, kind="MPO", save_all=True, append_images=[second])


def build_webp_of(side):
    """Return an animated WebP that names a large canvas."""
    size = struct.pack("<I", side - 1)[:3] * 2
    parts = ((b"VP8X", b"\x02\0\0\0" + size), (b"ANIM", b"\0" * 6))
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(content)) + content for name, content in parts
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "invalid_image"),
        (b"\x89PNG\r\n\x1a\n", "invalid_image"),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'></svg>",
            "invalid_image",
        ),
        (build_image(kind="GIF"), "invalid_image"),
        (build_image(kind="BMP"), "invalid_image"),
        (build_image(kind="TIFF"), "invalid_image"),
        (build_image(400, 400, kind="JPEG")[:-400], "invalid_image"),
        (build_image(400, 400)[:-40], "invalid_image"),
        (build_image(40, 40, kind="WEBP")[:-20], "invalid_image"),
        (build_png_of(4001, 4000), "too_many_pixels"),
        (build_png_of(60_000, 60_000), "too_many_pixels"),
        (build_webp_of(16_000), "too_many_pixels"),
        (build_animation("PNG"), "animated_image"),
        (build_animation("WEBP"), "animated_image"),
        (build_scans(101), "too_many_scans"),
        (b"\xff\xd8" + b"x" * MAX_IMAGE_BYTES, "image_too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_other_files_are_refused(manager_client, product, problem, content, code):
    before = snapshot_owned_rows()

    problem(
        put_image(manager_client, product, build_form_body(content), FORM),
        400,
        "invalid",
        {"file": code},
    )
    assert snapshot_owned_rows() == before


@pytest.mark.pdf
def test_damaged_images_are_refused_after_a_pdf_as_well(manager_client, product, problem):
    load_weasyprint()

    whole = build_image()
    cut = whole[: whole.index(b"IDAT") + 8]

    problem(put_image(manager_client, product, cut), 400, "invalid", {"file": "invalid_image"})


def test_decompressed_texts_are_limited(manager_client, product, problem):
    """A compressed text of 60 MB in a PNG of a few kilobytes."""
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(b"a" * 60_000_000))
    content = build_image()
    end_of_header = content.index(b"IDAT") - 4

    bomb = content[:end_of_header] + text + content[end_of_header:]

    problem(put_image(manager_client, product, bomb), 400, "invalid", {"file": "invalid_image"})


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{}", "application/json", 415, "unsupported_media_type"),
        (build_image(), "image/svg+xml", 415, "unsupported_media_type"),
        (build_image(), "text/html", 415, "unsupported_media_type"),
        (b'{"file": ""}', "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"x" * (MAX_IMAGE_BYTES + 16_385), "image/png", 413, "body_too_large"),
    ],
)
def test_other_bodies_are_refused(
    manager_client, product, problem, body, content_type, status, code
):
    before = snapshot_owned_rows()

    problem(put_image(manager_client, product, body, content_type), status, code)
    assert snapshot_owned_rows() == before


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (build_form_body(build_image(), "photo"), {"photo": "unknown_field"}),
        (b"--b--\r\n", {"file": "required"}),
    ],
)
def test_form_without_the_file_is_refused(manager_client, product, problem, body, errors):
    problem(put_image(manager_client, product, body, FORM), 400, "invalid", errors)


def test_outdated_version_is_refused(manager_client, product, problem):
    before = snapshot_owned_rows()
    path = f"products/{product.pk}/image/"

    problem(
        put_image(manager_client, product, build_image(), version='"9"'), 412, "version_conflict"
    )
    problem(manager_client.delete(path, If_Match='"9"'), 412, "version_conflict")
    problem(manager_client.send("PUT", path, build_image(), "image/png"), 428, "if_match_required")
    assert snapshot_owned_rows() == before


# --- who may --------------------------------------------------------------------------------------


def test_cashiers_change_no_image(cashier_client, manager, product, problem):
    create_image(product, manager)
    before = snapshot_owned_rows()

    problem(put_image(cashier_client, product, build_image(9, 9)), 403, "permission_denied")
    problem(cashier_client.delete(f"products/{product.pk}/image/"), 403, "permission_denied")
    assert snapshot_owned_rows() == before
    assert cashier_client.get(f"products/{product.pk}/").json()["image"]


def test_manager_sets_an_image_from_a_pin_session(manager, product):
    """As other fields of a product that are no prices."""
    by_pin = Person(manager, AuthSessionFactory(user=manager, method="pin"))

    assert put_image(by_pin, product, build_image()).status_code == 200


@pytest.mark.parametrize(("scope", "status"), [("catalog:write", 200), ("catalog:read", 403)])
def test_service_key_needs_the_scope(admin, shop, product, scope, status):
    client = KeyClient(create_key(shop, admin, scope))

    assert put_image(client, product, build_image()).status_code == status


def test_product_of_another_shop_does_not_exist(manager_client, foreign, problem):
    before = snapshot_owned_rows()
    for id in (foreign.product.pk, new_id()):
        path = f"products/{id}/image/"
        problem(
            manager_client.send("PUT", path, build_image(), "image/png", If_Match="*"),
            404,
            "not_found",
        )
        problem(manager_client.delete(path), 404, "not_found")
    assert snapshot_owned_rows() == before


def test_code_finds_only_the_image_of_its_shop(manager, product, foreign, problem):
    code = create_image(product, manager)
    theirs = create_image(foreign.product, foreign.manager, width=30)

    mixed = foreign.tenant.pk.hex + code[32:]
    for unknown in (mixed, code[:-1], code + "0", code.upper(), "x" * 64, "0" * 64, str(new_id())):
        problem(load(f"images/{unknown}/"), 404, "not_found")
        problem(load(f"images/{unknown}/thumbnail/"), 404, "not_found")
    assert load(f"images/{theirs}/").status_code == 200
    assert load(f"images/{code}/?size=1").status_code == 400


def test_closed_shop_shows_no_images(manager, shop, product, problem):
    code = create_image(product, manager)
    shop.is_active = False
    with tenant_scope(shop):
        shop.save()

    problem(load(f"images/{code}/"), 404, "not_found")


@pytest.mark.parametrize("accept", ["*/*", "image/webp", "image/avif,image/webp,*/*;q=0.8"])
def test_browsers_get_the_image(manager, product, accept):
    code = create_image(product, manager)

    assert load(f"images/{code}/", Accept=accept)["Content-Type"] == "image/webp"


# --- copies and lists -----------------------------------------------------------------------------


def test_same_image_of_two_products_is_found_until_both_are_gone(
    manager_client, manager, product, make_product
):
    other = make_product("1.00")
    codes = {create_image(product, manager), create_image(other, manager)}
    (code,) = codes

    manager_client.delete(f"products/{product.pk}/image/")
    assert load(f"images/{code}/").status_code == 200
    manager_client.delete(f"products/{other.pk}/image/")
    assert load(f"images/{code}/").status_code == 404


def test_every_answer_with_a_product_has_the_image(manager_client, manager, product):
    code = create_image(product, manager)
    shown = manager_client.get(f"products/{product.pk}/").json()
    assert shown["image"] == {
        "url": f"/api/v1/images/{code}/",
        "thumbnail_url": f"/api/v1/images/{code}/thumbnail/",
        "width": 12,
        "height": 8,
    }

    assert manager_client.get("products/").json()["results"] == [shown]
    assert manager_client.get("products/?search=apple").json()["results"] == [shown]
    lines = b"".join(manager_client.get("catalog/snapshot/").streaming_content).splitlines()
    (row,) = [each for each in map(json.loads, lines) if each["type"] == "product"]
    assert row["data"] == shown
    changed = manager_client.get("changes/?after=0").json()["results"][-1]
    assert (changed["type"], changed["version"]) == ("product.updated", 2)


def test_lists_do_not_read_the_bytes(manager_client, manager, product):
    create_image(product, manager)

    with CaptureQueriesContext(connection) as statements:
        for path in ("products/", f"products/{product.pk}/", "products/?search=apple"):
            assert manager_client.get(path).json()
        b"".join(manager_client.get("catalog/snapshot/").streaming_content)
        b"".join(manager_client.get("products/export/").streaming_content)
    assert not any("orders_productimage" in each["sql"] for each in statements)


def test_import_keeps_the_image(manager_client, manager, product):
    create_image(product, manager)
    text = f"sku,name,price\n{product.sku},Renamed,9.00\n"

    path = "products/import/"
    assert manager_client.send("POST", path, text, "text/csv").status_code == 200

    after = manager_client.get(f"products/{product.pk}/").json()
    assert after["name"] == "Renamed"
    assert load(after["image"]["url"]).status_code == 200


def test_variant_has_an_image_of_its_own(manager_client, manager, shop, make_product):
    parent = make_product(stock=None)
    create_image(parent, manager)
    variant = create_variant(parent, Size="L")

    assert manager_client.get(f"products/{variant.pk}/").json()["image"] is None


def test_stale_etag_is_answered_with_the_image(manager_client, manager, product):
    etag = manager_client.get(f"products/{product.pk}/")["ETag"]
    create_image(product, manager)

    answer = manager_client.get(f"products/{product.pk}/", If_None_Match=etag)
    assert answer.json()["image"]
    assert answer["ETag"] != etag


def test_deleting_a_product_deletes_its_image(manager, shop, product):
    create_image(product, manager)
    with tenant_scope(shop):
        spare = Product(sku="SPARE", name="Spare", price="1")
        spare.save(force_insert=True)
    create_image(spare, manager)
    with tenant_scope(shop):
        spare.delete()
        assert ProductImage.objects.count() == 1
