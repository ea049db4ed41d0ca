"""Every address of the centre. Each view carries one permission decorator; allauth guards its own."""

from django.apps import apps
from django.urls import URLPattern, URLResolver, include, path

from ringfence.web.account import single_sign_on as sso
from ringfence.web.account import views as account
from ringfence.web.audit import views as audit
from ringfence.web.desk import views as desk
from ringfence.web.health import views as health
from ringfence.web.notices import views as notices
from ringfence.web.public import views as public


def saml_patterns() -> list[URLPattern]:
    """Ours before allauth's, where a SAML provider is set up."""
    if not apps.is_installed("allauth.socialaccount.providers.saml"):
        return []
    from ringfence.web.account.saml import saml_finish

    return [path("account/saml/<slug:organization_slug>/acs/finish/", saml_finish, name="saml_finish_acs")]


urlpatterns: list[URLPattern | URLResolver] = [
    path("", account.home, name="home"),
    path("account/", account.account, name="account"),
    path("account/session", account.session, name="account_session"),
    path("account/oidc/<slug:provider_id>/login/callback/", sso.oidc_callback, name="openid_connect_callback"),
    *saml_patterns(),
    path("account/", include("allauth.urls")),
    path("desk/", include("ringfence.web.desk.urls")),
    path("events", desk.events, name="events"),
    path("calls/", include("ringfence.web.recordings.urls_calls")),
    path("recordings/", include("ringfence.web.recordings.urls")),
    path("retention/", include("ringfence.web.retention.urls")),
    path("payments/", include("ringfence.web.payments.urls")),
    path("library/", include("ringfence.web.library.urls")),
    path("suppliers/", include("ringfence.web.suppliers.urls")),
    path("people/", include("ringfence.web.people.urls")),
    path("audit/", audit.audit, name="audit"),
    path("audit/export/", audit.export, name="audit_export"),
    path("audit/<slug:kind>/<slug:subject_id>/", audit.timeline, name="audit_timeline"),
    path("assessments/", include("ringfence.web.assessments.urls")),
    path("breaches/", include("ringfence.web.breaches.urls")),
    path("disclosures/", include("ringfence.web.disclosures.urls")),
    path("notices/", include("ringfence.web.notices.urls")),
    path("privacy/<slug:code>/", notices.privacy_notice, name="privacy_notice"),
    path("privacy/<slug:code>/<int:version>/", notices.privacy_notice, name="privacy_notice_version"),
    path("listening/", include("ringfence.web.listening.urls")),
    path("health/", health.health, name="health"),
    path("health/alarms/<int:alarm_id>/clear", health.clear_alarm, name="clear_alarm"),
    path("accessibility/", public.accessibility, name="accessibility"),
    path("licences/", public.licences, name="licences"),
    path("healthz", public.alive, name="alive"),
    path("demo/payment/", public.demo_payment, name="demo_payment"),
    path("demo/signin/<slug:role>/", public.demo_signin, name="demo_signin"),
]
