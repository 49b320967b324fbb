"""Programs that are no languages, and run or load all the same what files tell them: where those are named."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

_ORDERS = (
    ("psql", "-f --file"),
    ("r?n?vim?|view|ex|vimdiff", "-S -u -U -l"),
    ("emacs", "-l --load --script -L --directory"),
    ("nmap", "--script --datadir --servicedb"),
    ("redis-cli", "--eval"),
    ("kubectl|helm|oc", "--kubeconfig"),
    ("docker|podman", "--config --rootfs --project-directory -f --file"),
    ("docker-compose", "-f --file --project-directory"),
    ("valgrind", "--tool"),
    ("at|batch", "-f"),
    ("openssl", "-engine -provider-path -provider -config"),
    ("mysql.*|mariadb.*", "--plugin-dir --defaults-file --defaults-extra-file"),
    ("(?:auto)?ssh|sftp|scp|check_by_ssh", "-F -I --configfile"),
    ("sftp", "-D -s"),
    ("(?:key|policy)tool|jarsigner", "-providerpath -providerPath"),
    ("erl", "-config -args_file -boot"),
    ("cmake", "-P -C"),
    ("emacs", "--init-directory --chdir"),
    ("vim|nvim|ex|view", "-i -s"),
    ("gdb", "--data-directory --cd"),
    ("perf", "--exec-path"),
    ("ssh-add", "-s"),
    ("ssh-keygen", "-D -w"),
    ("curl", "--engine"),
    ("sftp", "-b"),
    ("rpm.*", "--pipe --load --macros --rcfile --root --dbpath"),
    ("dpkg", "--pre-invoke --post-invoke --status-logger"),
    ("less", "-k --lesskey-file"),
    ("julia", "--project"),
    ("dbus-run-session", "--config-file"),
    ("tar", "-T --files-from"),  # a line of it may be an option
    ("gpg2?", "--homedir --options"),
    ("rsync", "--config"),
    ("dpkg", "-i --install --unpack --admindir --root"),
    ("systemctl", "--root"),
    ("mount", "-T --fstab"),
    ("sysctl", "-p --load"),  # core_pattern is a program
    ("ip|tc", "-batch -b"),
    ("java[a-z]*", "-processorpath"),
    ("check_multi", "-f --filename"),
    ("prove", "-I"),
    ("sort", "--compress-program"),
    ("wget", "--use-askpass"),
    ("ncat", "--lua-exec"),
    ("screen|tmux", "-c -f"),
    ("lftp", "-f"),
    ("scp|sftp", "-S"),
    ("erl|iex|elixir", "-pa -pz -r"),
    ("man", "-C --config-file"),
    ("capsh", "--chroot"),
    ("nm", "--plugin"),
    ("go", "-vettool -toolexec"),
)
"""Options of other programs whose value is a file of orders, or a folder of code: what it says they run or load."""
_OBEY = (
    # Build tools, package managers, runners of scripts and tests.
    r"ant|mvn|gradle|ninja|cmake|ctest|meson|scons|bazel|just|task|invoke|fab|cargo|msbuild|rake|irb|bundle|gem|tox|nox|"
    r"npm|npx|yarn|pnpm|pm2|forever|nodemon|composer|wp|drush|pip|pipx|poetry|uv|pre-commit|conda|apt|apt-get|aptitude|dnf|yum|"
    r"zypper|apk|nix|nix-shell|guix|spark-submit|jshell|jjs|kotlin|clojure|bb|lein|jbang|prove|cpan|git|hg|svn|"
    r"ansible(?:-\w+)?|puppet|salt-call|chef-client|chef-apply|chef-solo|terraform|tofu|vagrant|procmail|msfconsole|latex|"
    r"pdflatex|nse|rpmbuild|rpmspec|dpkg-(?:source|buildpackage|reconfigure)|kotlinc?(?:-jvm)?|jrunscript|phpunit|stack|cabal|mix|twistd?|"
    r"viztracer|robot|behave|locust|streamlit|papermill|jupyter|scrapy|supervisor[.]supervisord|honcho|foreman|puma|rackup|thor|"
    r"sphinx(?:-build)?|pylint|flake8|mypy|fabric|uvx|littler|r|erb|cling|csi|systemtap|runghc|runhaskell|ghc|"
    # Servers and their tools: a configuration names modules and programs.
    r"nginx|openresty|apache2(?:ctl)?|apachectl|httpd|haproxy|lighttpd|caddy|varnishd|squid|named|unbound|dnsmasq|postfix|"
    r"postconf|sendmail|exim4?|dovecot|doveadm|doveconf|slapd|mysqld|mariadbd|postgres|pg_ctl|redis-server|valkey-server|"
    r"mongod|influxd|snmpd|snmptrapd|nrpe|icinga2?|nagios4?|monit|telegraf|zabbix_agent[d2]?|collectd|openvpn|stunnel4?|sshd|"
    r"php-fpm|uwsgi|gunicorn|celery|flask|uvicorn|hypercorn|supervisord|supervisorctl|fail2ban-(?:client|server)|rsyslogd|"
    r"syslog-ng|logrotate|crond?|crontab|anacron|incrond|acpid|smartd|dhclient|ifup|wpa_supplicant|hostapd|chronyd|certbot|"
    r"acme\.sh|dehydrated|busybox|dbus-daemon|udevadm|tmux|screen|mutt|msmtp|fetchmail|getmail|rclone|aria2c|firejail|"
    r"modprobe|insmod|kmod|zfs|kexec|bpftool|ldconfig|x?inetd|asterisk|freeswitch|offlineimap|mbsync|getssl|"
    # Agents and tools that run what their configuration says; what runs containers and other machines' programs.
    r"logstash|fluentd|td-agent|fluent-bit|vector|vault|consul|nomad|datadog-agent|borgmatic|rsnapshot|salt-ssh|packer|pulumi|"
    r"pacman|apt-cache|apt-ftparchive|systemd-tmpfiles|systemd-sysusers|portablectl|runc|crun|ctr|buildah|qemu-[a-z]\w*|box(?:64|86)|sbt|"
    # Compilers load plugins, and options from files.
    r"(?:[\w-]+-)?(?:gcc|g\+\+|c\+\+|cc|cpp|clang|clang\+\+|ld|ld[.]\w+|as|ar|ranlib)|rustc|"
    # What `python -m` runs.
    r"pdb|bdb|profile|cProfile|trace|runpy|unittest|doctest|pytest|coverage|debugpy|IPython|"
    # Another root, or a folder of services.
    r"run-parts|chroot|unshare|systemd-nspawn|proot|bwrap|arch-chroot|runit|runsvdir|runsv|s6-.*|envdir|chpst|start-stop-daemon"
)
"""Programs that run what the files and folders tell them which their words name, whatever the option."""


@functools.lru_cache(maxsize=256)
def _obeys(name: str) -> bool:
    return bool(re.fullmatch(rf"(?:{_OBEY})[-0-9.]*", name))


@functools.lru_cache(maxsize=256)
def _words_of(name: str) -> tuple[str, ...]:
    return tuple(word for names, word in _BY_A_WORD if re.fullmatch(names, name))


def runs_a_folder(name: str) -> bool:
    return _obeys(name)


def possible_orders(words: Sequence[str]) -> Iterator[str]:
    """Yield what may be a file or folder that such a program obeys."""
    name = words[0].rpartition("/")[2]
    if _obeys(name) or any(word and any(map(re.compile(word).fullmatch, words[1:])) for word in _words_of(name)):
        for word in words[1:]:
            yield from re.split("[=,:@]", word)
            yield word[word.find("/") :] if word[:1] == "-" and "/" in word else ""


_BY_A_WORD = (
    ("rpm", r"-(?!.*[qVKe])[a-zA-Z]*[UFi][a-zA-Z]*|--(?:install|upgrade|freshen|reinstall)"),
    ("openssl", "engine"),
    ("http[.]server", "--cgi"),
    ("systemctl", "link|enable|reenable"),
    ("java", "--source(?:=.*)?"),
)
"""Programs that obey files where one of their words is this."""
_IN_FOLDERS = (
    r"(?:g|b|re)?make|ant|mvn|gradle|ninja|ctest|scons|bazel|just|task|invoke|fab|cargo|rake|bundle|tox|nox|npm|npx|yarn|pnpm|"
    r"composer|vagrant|terraform|tofu|docker-compose|pre-commit|lein|mix|pytest|poetry|uv|go|dotnet|msbuild|stack|cabal|rspec|"
    r"git|hg|svn|bzr"  # a repository's own settings name programs
)
"""Programs that obey a file of the current folder, though nothing names it."""


@functools.lru_cache(maxsize=256)
def obeys_its_folder(name: str) -> bool:
    return bool(re.fullmatch(_IN_FOLDERS, name))


LOGIN = (".profile", ".bash_profile", ".bash_login", ".bashrc", ".zshenv", ".zprofile", ".zshrc")
_HOME_FILES = {
    "psql": (".psqlrc",),
    "sqlite3": (".sqliterc",),
    "mysql": (".my.cnf",),
    "mariadb": (".my.cnf",),
    "git": (".gitconfig", ".config/git/config"),
    "curl": (".curlrc", ".config/curlrc"),
    "wget": (".wgetrc",),
    "gdb": (".gdbinit", ".config/gdb/gdbinit"),
    "vim": (".vimrc", ".vim"),
    "emacs": (".emacs", ".emacs.d"),
    "npm": (".npmrc",),
    "R": (".Rprofile",),
    "Rscript": (".Rprofile",),
    "kubectl": (".kube/config",),
    "docker": (".docker/config.json", ".docker/cli-plugins"),
    "ansible": (".ansible.cfg", ".ansible"),
    "ansible-playbook": (".ansible.cfg", ".ansible"),
}
"""What programs run or load from their user's home without a word."""


def home_files(name: str) -> tuple[str, ...]:
    return _HOME_FILES.get(name, ())


@functools.lru_cache(maxsize=256)
def _order_options(name: str) -> frozenset[str]:
    matches = [options for names, options in _ORDERS if re.fullmatch(rf"(?:{names})[-0-9.]*", name)]
    return frozenset(" ".join(matches).split())


def orders(words: Sequence[str]) -> Iterator[str]:
    """Yield the files of orders that a program is told to obey."""
    options = _order_options(words[0].rpartition("/")[2])
    if not options:
        return
    for at, word in enumerate(words[1:], 1):
        name, equals, value = word.partition("=")
        if word in options:
            yield from words[at + 1 : at + 2]
        elif equals and name in options:
            yield value
        elif word[:1] == "-" and word[1:2] != "-" and (short := _short(word, options)) is not None:
            yield short or "".join(words[at + 1 : at + 2])


def _short(word: str, options: frozenset[str]) -> str | None:
    """Return what follows an option of one letter in its word: `-Fx`, `-1Xf`; None where there is none."""
    return next((word[at + 1 :] for at in range(1, len(word)) if f"-{word[at]}" in options), None)


def code_in_options(words: Sequence[str]) -> Iterator[str]:
    """Yield what an interpreter is told to load by a setting within an option: `-Mlib=/x`, `-javaagent:/x`."""
    name = words[0].rpartition("/")[2]
    java, makes = name.startswith("java"), name.endswith("make")
    for word in words[1:]:
        if match := _SETTING.match(word):
            yield from (part for part in re.split(r"[:,=\s()\"']", match[1]) if part.startswith("/"))
        elif makes and re.search(r"\s|\$\(", word):  # `--eval='x:;sh /x'`, `X=$(shell sh /x)`
            yield from re.findall(r"/[^\s'\"`(){};]+", word)
        elif java and re.match("@/|/.*[.]java$", word):
            yield word.lstrip("@")


_SETTING = re.compile(
    r"(?:-[Mm]lib[= ]|(?:-J)?-javaagent:|-agentpath:|-Xbootclasspath(?:/[ap])?:|"
    r"-XX:(?:Flags|VMOptionsFile|OnError|OnOutOfMemoryError)=|"
    r"-D(?:java\.(?:ext\.dirs|library\.path|class\.path|endorsed\.dirs|security\.policy)|jdk\.module\.path|loader\.path|"
    r"log(?:4j2?|back|ging)\.config(?:uration(?:File)?)?)=|--eval=|(?:SHELL|CC|CXX|MAKE|MAKEFILES)=|"
    r"-Dspring[.]config[.][\w.-]*location=|include\s|--source|"
    r"(?:-X)?pycache_prefix=|(?:-d)?(?:auto_(?:ap|pre)pend_file|(?:zend_)?extension|sendmail_path|extension_dir|include_path)=)(.*)"
)
