"""URLs of the shop's admin site. The first request of a page imports all pages."""

from django.contrib import admin

from accounts.admin_site.site import shop_site

admin.autodiscover()
urlpatterns = shop_site.get_urls()
