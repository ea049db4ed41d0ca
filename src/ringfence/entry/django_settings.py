"""Django's settings, derived from ``ringfence.toml``. Nothing is decided here that an operator may decide there."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.utils.functional import lazy

from ringfence.entry.browser_sip import browser_sip_url
from ringfence.entry.regions import data_places
from ringfence.entry.secret_files import DJANGO, SIP_TOKEN, read_secret
from ringfence.entry.settings import SettingsError, current
from ringfence.entry.sign_in_providers import single_sign_on

_settings = current()
_web = _settings.web
_public = urlsplit(_web.public_url or f"http://{_web.host}:{_web.port}")
_https = _public.scheme == "https"

_package = Path(__file__).parent.parent


def _stands(path: str) -> bool:
    # Looks at the file instead of importing: apps may not be imported before settings are complete.
    return (_package / path).exists()


DEBUG = False
SECRET_KEY = lazy(lambda: read_secret(DJANGO).decode("ascii"), str)()
RINGFENCE_DEMO = _settings.demo
RINGFENCE_SIP_TOKEN_SECRET = lazy(lambda: read_secret(SIP_TOKEN), bytes)()
RINGFENCE_KEY_STORE = "ringfence.entry.key_store.key_store"
RINGFENCE_KEY_ROTATION = "ringfence.entry.key_store.key_rotation"
RINGFENCE_VAULT_UPKEEP = "ringfence.entry.destruction.upkeep"
RINGFENCE_DESTROYER = "ringfence.entry.destruction.destroyer"
RINGFENCE_SIGNING_KEY = "ringfence.entry.key_store.signing_key"
"""Dotted names of the functions that open or use what the vault keeps."""
RINGFENCE_CHECKPOINT_PLACES = "ringfence.entry.checkpoint_places.checkpoint_places"
"""Dotted name of the function that makes the second places of the audit trail's signed checkpoints."""
RINGFENCE_CHECKPOINT_MINUTES = _settings.audit.checkpoint_minutes
RINGFENCE_REGIONS = _settings.regions.allowed
RINGFENCE_DATA_PLACES = data_places(_settings)
"""Where the settings send data, and to which region, for the register of suppliers."""
RINGFENCE_SIP_REALM = _settings.sip.realm
RINGFENCE_DEFAULT_REGION = _settings.sip.default_region
RINGFENCE_DATA = _settings.data
RINGFENCE_DORMANT_DAYS = _settings.accounts.dormant_days
RINGFENCE_SESSIONS_PER_PERSON = _settings.accounts.sessions_per_person
RINGFENCE_SESSION_HOURS = _settings.accounts.session_hours
RINGFENCE_IDLE_MINUTES = _settings.accounts.idle_minutes
RINGFENCE_BREAK_GLASS_MINUTES = _settings.accounts.break_glass_minutes
RINGFENCE_SUPPORT_MINUTES = _settings.accounts.support_minutes
RINGFENCE_REMOTE_NEEDS_MANAGED_DEVICE = _settings.accounts.remote_needs_managed_device
RINGFENCE_OFFICE_NETWORKS = _settings.accounts.office_networks
RINGFENCE_ENROLMENT_MINUTES = _settings.accounts.enrolment_minutes
RINGFENCE_COMPUTER_DAYS = _settings.accounts.computer_days
RINGFENCE_COMPUTER_COOKIE = "__Host-computer" if _https else "computer"
RINGFENCE_REVIEW_DAYS = _settings.accounts.review_days
RINGFENCE_DISCLOSURE_DAYS = _settings.disclosures.longest_days
RINGFENCE_CONTROL_SOCKET = _settings.control_socket
RINGFENCE_SIP_WS_URL = browser_sip_url(_settings, page_is_secure=_https)
"""Where browsers speak SIP; the pages' content security policy allows this address beside their own."""
RINGFENCE_CERTIFICATE = _settings.certificate
RINGFENCE_CERTIFICATE_EXPIRY = "ringfence.entry.certificates.expires_at"
"""Dotted name of the function that reads when a certificate file expires, for the health page."""

# Hosts and transport

ALLOWED_HOSTS = sorted({host for host in (_public.hostname, _web.host, "localhost", "127.0.0.1", "[::1]") if host})
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
SECURE_SSL_REDIRECT = _https
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False  # the operator's other names are not ours to bind
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "__Host-session" if _https else "session"
# The limit itself is kept with each request; a call may outlast it by this hour at most.
SESSION_COOKIE_AGE = (_settings.accounts.session_hours + 1) * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_SECURE = _https
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf" if _https else "csrf"

# Applications


_ROOMS = (
    *("tenancy", "audit", "privacy", "jobs", "accounts", "directory", "live", "notices", "calls", "recordings"),
    *("payments", "retention", "suppliers", "training", "breaches", "disclosures", "assessments"),
)

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    *(["ringfence.web"] if _stands("web/apps.py") else []),  # before allauth, so that its templates win
    *(f"ringfence.centre.{room}" for room in _ROOMS if _stands(f"centre/{room}/apps.py")),
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    *(["allauth.socialaccount.providers.saml"] if any(one.kind == "saml" for one in _settings.single_sign_on) else []),
    "django_tasks",
    "django_tasks_db",
    "django.forms",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "ringfence.web.middleware.StaticFilesMiddleware",
    *(["ringfence.web.middleware.ContentSecurityPolicyMiddleware"] if _stands("web/middleware.py") else []),
    *(["ringfence.web.middleware.NulMiddleware"] if _stands("web/middleware.py") else []),
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "ringfence.centre.accounts.middleware.ConfirmedByPageMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    *(
        ["ringfence.web.account.session_limits.SessionLimitsMiddleware"]
        if _stands("web/account/session_limits.py")
        else []
    ),
    "ringfence.centre.accounts.middleware.SecondFactorMiddleware",
]
ROOT_URLCONF = "ringfence.entry.urls"
ASGI_APPLICATION = "ringfence.entry.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_package / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
STATIC_URL = "/static/"
STATIC_ROOT = _settings.data / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},  # no upload may reach a disk in the clear
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# Above these sizes Django would write to a temporary file, or refuse a part of what the web process let in.
FILE_UPLOAD_MAX_MEMORY_SIZE = DATA_UPLOAD_MAX_MEMORY_SIZE = _web.max_request_bytes
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
DATA_UPLOAD_MAX_NUMBER_FILES = 10
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

# Database


def database(url: str, data: Path) -> dict[str, object]:
    """Django's description of the database. Raises SettingsError when ``url`` is not a PostgreSQL URL."""
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(data / "ringfence.sqlite3"),
            "OPTIONS": {
                # IMMEDIATE takes the write lock at BEGIN: no transaction fails half-way because another one wrote.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                # Overwrites what is deleted: a row that retention removed is not left in a free page of the file.
                "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;",
            },
        }
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("postgresql", "postgres") or len(parts.path) < 2:
        raise SettingsError("database.url is not usable. Write it as postgresql://user:password@host:port/name.")
    return {
        "ENGINE": "ringfence.centre.tenancy.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 10},
    }


DATABASES = {"default": database(_settings.database.url, _settings.data)}
CACHES = {  # counts tries to sign in; in the database, so that every process counts together and a restart forgets none
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "sign_in_limits",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Sign-in: by e-mail address and password, then a second factor; nobody signs up, people are invited

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "display_name", "employer")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "ringfence.centre.accounts.adapter.InvitedOnlyAdapter"
ACCOUNT_RATE_LIMITS = {  # Cyber Essentials: at most 10 wrong tries in 5 minutes, then locked
    "login_failed": f"30/m/ip,{_settings.accounts.failed_sign_ins}/{_settings.accounts.lock_minutes * 60}s/key",
}
RINGFENCE_LOCK_SECONDS = _settings.accounts.lock_minutes * 60
ACCOUNT_FORMS = {"change_password": "ringfence.centre.accounts.forms.CountedChangePasswordForm"}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # the person who invites vouches for the address
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
SOCIALACCOUNT_ADAPTER = "ringfence.centre.accounts.single_sign_on.InvitedOnlySocialAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True  # within the domains of each provider, which the adapter checks
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_LOGIN_ON_GET = True  # form-action of the content security policy would stop a redirect after a POST
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_PROVIDERS = single_sign_on(_settings.single_sign_on)
MFA_ADAPTER = "ringfence.centre.accounts.adapter.SealedSecretsAdapter"
MFA_FORMS = {"activate_totp": "ringfence.centre.accounts.forms.SealedActivateTOTPForm"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Ringfence"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _https
USERSESSIONS_ADAPTER = "ringfence.centre.accounts.adapter.AuditedSessionsAdapter"
USERSESSIONS_TRACK_ACTIVITY = False  # what a session is used for is judged apart (docs/adr/0019)
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"  # this version sends no mail; links are shown once

# Language and time

LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = _settings.time_zone

# Jobs and logs

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}
LOGGING_CONFIG = None  # the command line sets up logging once, with redaction, for all three processes
