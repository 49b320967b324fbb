"""Variables that name code: folders and files of it, options, or a program."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.script.place import Place, can_run
from checks.script.program_text import files_of, is_code_name

_NAMES_CODE = re.compile(
    r"(?:LD_.*|PATH|(?:PYTHON|NODE_|RUBY|GEM_|CLASS|LUA_|LUA_C|GCONV_|TCLLIB|PERL5DB_)PATH|PERL5?LIB|RUBYLIB|GEM_HOME|"
    r"PYTHONHOME|PYTHONUSERBASE|PYTHONSTARTUP|BASH_ENV|ENV|ZDOTDIR|(?:JAVA|ORACLE|R)_HOME|CDPATH|OPENSSL_CONF|"
    r"OPENSSL_(?:MODULES|ENGINES)|PYTHONPYCACHEPREFIX|GIT_(?:EXEC_PATH|DIR|TEMPLATE_DIR|CONFIG(?:_GLOBAL|_SYSTEM)?)|"
    r"KUBECONFIG|DOCKER_CONFIG|CURL_HOME|WGETRC|PSQLRC|MYSQL_HOME|ODBC(?:INI|SYSINI|INSTINI)|XDG_CONFIG_HOME|"
    r"R_(?:PROFILE|ENVIRON|LIBS)(?:_USER|_SITE)?|ERL_LIBS|(?:JULIA_LOAD|GUILE_LOAD|QT_PLUGIN|SASL|F)_?PATH|"
    r"ANSIBLE_(?:CONFIG|LIBRARY)|BUNDLE_GEMFILE|GIO_EXTRA_MODULES|MAGICK_CONFIGURE_PATH|COMPOSER_HOME|NPM_CONFIG_.*|"
    r"TCLLIBPATH|MAKEFILES|AWKPATH|AWKLIBPATH|PHPRC|PHP_INI_SCAN_DIR|DOTNET_STARTUP_HOOKS|"
    r"LUA_C?PATH[_\d]*|BUNDLE_PATH|PYTHONPLATLIBDIR|(?:JRE|M2|MAVEN|ANT|CATALINA|GROOVY|KOTLIN|SCALA|SPARK|HADOOP|SBCL|HELM|CARGO|RUSTUP|"
    r"MIX|GRADLE_USER)_(?:HOME|BASE)|DOTNET_(?:ADDITIONAL_DEPS|SHARED_STORE|ROOT)|GO(?:PATH|ROOT|ENV)|(?:MONO|MATLAB|OCTAVE)_?PATH|"
    r"JULIA_(?:DEPOT_PATH|PROJECT)|OCTAVE_INITFILE|GUILE_LOAD_COMPILED_PATH|CHICKEN_REPOSITORY_PATH|CMAKE_(?:PREFIX_PATH|TOOLCHAIN_FILE)|"
    r"\w+_(?:PLUGINS?|MODULES?|EXTENSIONS|LOADABLES|COLLECTIONS|ROLES)(?:_?(?:PATH|DIR)S?)?|VIM|VIMRUNTIME|EMACSLOADPATH|"
    r"GIT_(?:WORK_TREE|COMMON_DIR|CONFIG)|HGRCPATH|LESSKEY(?:IN)?(?:_SYSTEM)?|LESSKEYIN|SYSTEM_WGETRC|GSS_MECH_CONFIG|"
    r"LIBMYSQL_PLUGIN_DIR|PUPPET_CONFDIR|COMPOSE_FILE|TF_CLI_CONFIG_FILE|AWS_CONFIG_FILE|PIP_(?:CONFIG_FILE|FIND_LINKS|REQUIREMENT|"
    r"EDITABLE)|UV_CONFIG_FILE|COMPOSER|SYSTEMD_UNIT_PATH|DPKG_(?:ADMINDIR|ROOT)|APT_CONFIG|RPM_CONFIGDIR|SCREENRC|VALGRIND_LIB|"
    r"npm_config_.*|EnvironmentFile|ExecSearchPath|RootDirectory|RootImage)"
)
_OPTIONS = re.compile(r"(?i:(\w+?)_?(?:opts|options|flags|args))")
_PROGRAMS = re.compile(r"\w*INIT[_\d]*|PERL5DB")
"""Variables that hold a program in a language of its own."""
_FOLDERS = re.compile(r".*(?:PATH|LIB)")
_HOLDS_OPTIONS = re.compile(r"NODE_OPTIONS|RUBYOPT|PERL5OPT|MAKEFLAGS")
_HOLDS_JAVAS_OPTIONS = re.compile(r"_?(?:JAVA|JDK_JAVA)(?:_TOOL)?_OPTIONS")
_JAVA_CODE = re.compile(r"-(?:javaagent|agentpath|Xbootclasspath/?[ap]?):(/[^\s:;,=]+)")


def names_code(name: str) -> bool:
    """Tell whether a variable of this name holds folders, files or options, and no text for a shell."""
    return bool(_HOLDS_OPTIONS.fullmatch(name) or _HOLDS_JAVAS_OPTIONS.fullmatch(name) or _NAMES_CODE.fullmatch(name))


def options_of(word: str) -> list[str]:
    """Return the words of a command whose options a variable holds: `TAR_OPTIONS=-x` is `tar -x`."""
    name, _, value = word.partition("=")
    return [match[1].lower().partition("_")[0], *value.split()] if (match := _OPTIONS.fullmatch(name)) else []


def in_assignment(word: str, place: Place) -> Iterator[str]:
    name, _, value = word.partition("=")
    return in_variable(name.rstrip("+"), value, place)


def in_variable(name: str, value: str, place: Place) -> Iterator[str]:
    """Look at a variable that names folders or files of code, or a program."""
    if _HOLDS_OPTIONS.fullmatch(name):
        yield from re.findall(r"/[^\s\"':;,]+", value)
    elif _HOLDS_JAVAS_OPTIONS.fullmatch(name):
        yield from _JAVA_CODE.findall(value)
    elif _NAMES_CODE.fullmatch(name) and value:
        # Among folders an empty part is the current one.
        parts = re.split(r"[:\s]" if name in ("LD_PRELOAD", "TCLLIBPATH") else "[:;]", value)
        yield from (place.full(part or ".") for part in parts if _FOLDERS.fullmatch(name) or "/" in part)
    else:
        words = (word.lstrip("|-") for word in value.split())  # LESSOPEN="||-/usr/bin/lesspipe %s"
        yield from (word for word in words if word.startswith("/") and (can_run(word) or is_code_name(word)))
        if _PROGRAMS.fullmatch(name):
            yield from files_of(value, place)
