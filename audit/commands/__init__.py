"""One file a command. Like ``evenhand.audit.cli``, which lists them, they may call every
package."""
