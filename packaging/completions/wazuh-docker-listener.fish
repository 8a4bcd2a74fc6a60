# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_wazuh_docker_listener_global_optspecs
    string join \n home= docker-host= docker-cert-path= f/filter= log-target= debug h/help V/version
end

function __fish_wazuh_docker_listener_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_wazuh_docker_listener_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_wazuh_docker_listener_using_subcommand
    set -l cmd (__fish_wazuh_docker_listener_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_needs_command" -l home -d 'Wazuh\'s home [default: the working directory as modulesd sets it, else /var/ossec]' -r -F
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_needs_command" -l docker-host -d 'The engine\'s address [default: the configuration\'s, else DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_needs_command" -l docker-cert-path -d 'Folder with ca.pem, cert.pem and key.pem; tcp:// then means TLS' -r -F
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_needs_command" -s f -l filter -d 'Only events that match, as `docker events --filter`: type=container, event=start, label=tier=web, …' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_needs_command" -l log-target -d 'Where the log goes' -r -f -a "stderr\t'Standard error, in the form that modulesd reads'
syslog\t'The system\'s log'"
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_needs_command" -l debug -d 'Log what only helps in looking for a fault'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_needs_command" -s V -l version -d 'Print version'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_needs_command" -f -a "run" -d 'Listen and write to Wazuh\'s queue (the default)'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_needs_command" -f -a "status" -d 'Show how the running listener is'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_needs_command" -f -a "events" -d 'Show events, or what would be sent for them, without sending anything'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_needs_command" -f -a "check" -d 'Walk through what can be wrong, with a cure for each'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_needs_command" -f -a "audit" -d 'Judge the images and containers that are there now'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_needs_command" -f -a "demo" -d 'Show the whole way of some recorded events on this machine, with nothing installed'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand run" -l home -d 'Wazuh\'s home [default: the working directory as modulesd sets it, else /var/ossec]' -r -F
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand run" -l docker-host -d 'The engine\'s address [default: the configuration\'s, else DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand run" -l docker-cert-path -d 'Folder with ca.pem, cert.pem and key.pem; tcp:// then means TLS' -r -F
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand run" -s f -l filter -d 'Only events that match, as `docker events --filter`: type=container, event=start, label=tier=web, …' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand run" -l log-target -d 'Where the log goes' -r -f -a "stderr\t'Standard error, in the form that modulesd reads'
syslog\t'The system\'s log'"
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand run" -l debug -d 'Log what only helps in looking for a fault'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand status" -l home -d 'Wazuh\'s home [default: the working directory as modulesd sets it, else /var/ossec]' -r -F
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand status" -l docker-host -d 'The engine\'s address [default: the configuration\'s, else DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand status" -l docker-cert-path -d 'Folder with ca.pem, cert.pem and key.pem; tcp:// then means TLS' -r -F
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand status" -s f -l filter -d 'Only events that match, as `docker events --filter`: type=container, event=start, label=tier=web, …' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand status" -l log-target -d 'Where the log goes' -r -f -a "stderr\t'Standard error, in the form that modulesd reads'
syslog\t'The system\'s log'"
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand status" -l json -d 'For programs'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand status" -l debug -d 'Log what only helps in looking for a fault'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand events" -l since -d 'From this time on: 10m (ago), 2026-11-20T23:27:00Z, 1795217220.5' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand events" -l until -d 'Until this time' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand events" -l format -d 'json, wazuh (exactly what would be sent), flat (Logtail\'s form), table, or a template such as \'{{.Type}} {{.Actor.Attributes.name}}\' [default: as docker events prints]' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand events" -l home -d 'Wazuh\'s home [default: the working directory as modulesd sets it, else /var/ossec]' -r -F
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand events" -l docker-host -d 'The engine\'s address [default: the configuration\'s, else DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand events" -l docker-cert-path -d 'Folder with ca.pem, cert.pem and key.pem; tcp:// then means TLS' -r -F
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand events" -s f -l filter -d 'Only events that match, as `docker events --filter`: type=container, event=start, label=tier=web, …' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand events" -l log-target -d 'Where the log goes' -r -f -a "stderr\t'Standard error, in the form that modulesd reads'
syslog\t'The system\'s log'"
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand events" -l debug -d 'Log what only helps in looking for a fault'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand events" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand check" -l home -d 'Wazuh\'s home [default: the working directory as modulesd sets it, else /var/ossec]' -r -F
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand check" -l docker-host -d 'The engine\'s address [default: the configuration\'s, else DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand check" -l docker-cert-path -d 'Folder with ca.pem, cert.pem and key.pem; tcp:// then means TLS' -r -F
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand check" -s f -l filter -d 'Only events that match, as `docker events --filter`: type=container, event=start, label=tier=web, …' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand check" -l log-target -d 'Where the log goes' -r -f -a "stderr\t'Standard error, in the form that modulesd reads'
syslog\t'The system\'s log'"
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand check" -l json -d 'For programs'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand check" -l debug -d 'Log what only helps in looking for a fault'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand audit" -l format -d 'How to show what was found' -r -f -a "table\t'For people at a terminal'
json\t'For programs'
csv\t'For spreadsheets'
html\t'One page that needs nothing else, to file'"
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand audit" -l fail-on -d 'End with exit code 3 where such is found; several with commas' -r -f -a "untrusted\t'An image from a registry that is not trusted'
unknown\t'An image from a registry that nobody has judged'
unpinned\t'A container of an image that was not asked for by digest'
high\t'A finding of severity high or critical'"
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand audit" -l home -d 'Wazuh\'s home [default: the working directory as modulesd sets it, else /var/ossec]' -r -F
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand audit" -l docker-host -d 'The engine\'s address [default: the configuration\'s, else DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand audit" -l docker-cert-path -d 'Folder with ca.pem, cert.pem and key.pem; tcp:// then means TLS' -r -F
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand audit" -s f -l filter -d 'Only events that match, as `docker events --filter`: type=container, event=start, label=tier=web, …' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand audit" -l log-target -d 'Where the log goes' -r -f -a "stderr\t'Standard error, in the form that modulesd reads'
syslog\t'The system\'s log'"
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand audit" -l send -d 'Send each finding to Wazuh\'s queue, too'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand audit" -l debug -d 'Log what only helps in looking for a fault'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand audit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand demo" -l messages -d 'With --docker-host: end after this many messages' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand demo" -l home -d 'Wazuh\'s home [default: the working directory as modulesd sets it, else /var/ossec]' -r -F
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand demo" -l docker-host -d 'The engine\'s address [default: the configuration\'s, else DOCKER_HOST, else unix:///var/run/docker.sock]' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand demo" -l docker-cert-path -d 'Folder with ca.pem, cert.pem and key.pem; tcp:// then means TLS' -r -F
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand demo" -s f -l filter -d 'Only events that match, as `docker events --filter`: type=container, event=start, label=tier=web, …' -r
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand demo" -l log-target -d 'Where the log goes' -r -f -a "stderr\t'Standard error, in the form that modulesd reads'
syslog\t'The system\'s log'"
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand demo" -l debug -d 'Log what only helps in looking for a fault'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand help; and not __fish_seen_subcommand_from run status events check audit demo help" -f -a "run" -d 'Listen and write to Wazuh\'s queue (the default)'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand help; and not __fish_seen_subcommand_from run status events check audit demo help" -f -a "status" -d 'Show how the running listener is'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand help; and not __fish_seen_subcommand_from run status events check audit demo help" -f -a "events" -d 'Show events, or what would be sent for them, without sending anything'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand help; and not __fish_seen_subcommand_from run status events check audit demo help" -f -a "check" -d 'Walk through what can be wrong, with a cure for each'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand help; and not __fish_seen_subcommand_from run status events check audit demo help" -f -a "audit" -d 'Judge the images and containers that are there now'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand help; and not __fish_seen_subcommand_from run status events check audit demo help" -f -a "demo" -d 'Show the whole way of some recorded events on this machine, with nothing installed'
complete -c wazuh-docker-listener -n "__fish_wazuh_docker_listener_using_subcommand help; and not __fish_seen_subcommand_from run status events check audit demo help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
