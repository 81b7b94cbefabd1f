"""The base URL of a server, in its plain form."""

from urllib.parse import urlsplit

from idiolect.errors import ConfigError

__all__ = ["base_url"]


def base_url(url: str, *, where: str, key: str = "OPENAI_API_KEY", path: str = "/v1") -> str:
    """Return a URL without a slash at its end, and with a path.

    Args:
        url: As the user gave it.
        where: The setting that it comes from, for messages.
        key: Environment variable that takes the API key.
        path: Put behind a URL that has none.

    Raises:
        ConfigError: the URL is none, or holds something that must not be recorded.
    """
    parts = urlsplit(url.strip())
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            f"{where}: the URL holds a name, a password or a query, which would be recorded "
            f"with the run; put the key into {key} and give the plain base URL"
        )
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError(
            f"{where}: found {url!r}, expected a base URL, e.g. http://localhost:8000{path}"
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or path}"
