"""System checks of admin pages for models that sync: W060-W062. Pages that write every field they
show take back what devices did while they were open.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.checks import CheckMessage, Warning  # noqa: A004 - what Django calls it

from ..sync_model import SyncModel

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite

__all__ = ["check_admin", "check_site"]


def check_admin(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """W060-W062, for every site, where the admin is installed."""
    if not apps.is_installed("django.contrib.admin"):
        return []
    from django.contrib.admin.sites import all_sites

    chosen = None if app_configs is None else {config.label for config in app_configs}
    return [message for site in all_sites for message in check_site(site, chosen)]


def check_site(site: AdminSite, chosen: set[str] | None = None) -> Iterator[CheckMessage]:
    """What there is to say about one site; of models of the chosen apps only."""
    from ..forms import SyncModelForm

    for model, model_admin in site._registry.items():
        if chosen is not None and model._meta.app_label not in chosen:
            continue
        if issubclass(model, SyncModel):
            yield from _check_page(model_admin, SyncModelForm)
        yield from _check_inlines(model_admin, SyncModelForm)


def _check_page(model_admin: Any, form: type) -> Iterator[CheckMessage]:
    from ..admin import SyncAdmin

    name = type(model_admin).__name__
    if not isinstance(model_admin, SyncAdmin):
        yield Warning(
            f"{name} is no SyncAdmin: its pages write over what devices did while they were open.",
            hint="Derive it from django_pulse.admin.SyncAdmin instead of ModelAdmin.",
            obj=type(model_admin),
            id="pulse.W060",
        )
    elif not issubclass(model_admin.form, form):
        yield _plain_form(model_admin)


def _check_inlines(model_admin: Any, form: type) -> Iterator[CheckMessage]:
    from ..formsets import SyncFormSetMixin

    for inline in model_admin.inlines:
        model = getattr(inline, "model", None)
        if not (isinstance(model, type) and issubclass(model, SyncModel)):
            continue
        if not issubclass(inline.formset, SyncFormSetMixin):
            yield Warning(
                f"{inline.__name__} shows rows that sync, and writes over what devices did while "
                "the page was open.",
                hint=(
                    "Derive it from SyncTabularInline or SyncStackedInline of django_pulse.admin, "
                    "and its formset, where it has its own, from SyncInlineFormSet."
                ),
                obj=inline,
                id="pulse.W062",
            )
        elif not issubclass(inline.form, form):
            yield _plain_form(inline)


def _plain_form(page: Any) -> CheckMessage:
    cls = page if isinstance(page, type) else type(page)
    return Warning(
        f"The form of {cls.__name__} is {page.form.__name__}, which carries no base: what it shows "
        "is written, edited or not.",
        hint=f"Derive {page.form.__name__} from django_pulse.forms.SyncModelForm.",
        obj=cls,
        id="pulse.W061",
    )
