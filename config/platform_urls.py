"""URLs of the platform's admin site. The first request of a page imports all pages."""

from django.contrib import admin

admin.autodiscover()
urlpatterns = admin.site.get_urls()
