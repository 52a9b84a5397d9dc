# SPDX-License-Identifier: Apache-2.0
#
# Completion of hvctl for bash: commands, their options, the domains that there are.

_hvctl_domains() {
    hvctl list 2> /dev/null | sed -n '2,$s/ .*//p'
}

_hvctl() {
    local word=${COMP_WORDS[COMP_CWORD]} command="" index
    for ((index = 1; index < COMP_CWORD; index++)); do
        case ${COMP_WORDS[index]} in
            --socket) ((index++)) ;;
            -*) ;;
            *) command=${COMP_WORDS[index]}; break ;;
        esac
    done
    local classes="all hypercalls entries scheduling events grants memory interrupts"
    local commands="create run list console shutdown reboot sysrq destroy pause unpause rename mem-set mem-max top vcpu-list vcpu-set vcpu-pin sched pool-list pool-cpus pool-mode
        registers dump-core gdb block-list block-attach block-detach network-list network-attach network-detach dmesg event-log info stats version debug-keys
        trace"
    local options="--json --help"
    case $command in
        "")
            COMPREPLY=($(compgen -W "$commands --socket --help --version" -- "$word"))
            return ;;
        create)
            options+=" --set --console --paused --dry-run"
            local keys="name= kernel= ramdisk= cmdline= extra= root= memory= maxmem= vcpus= maxvcpus= cpus= cpu_weight= cap= pool= disk= vif=
                on_poweroff= on_reboot= on_crash= on_watchdog="
            if [[ ${COMP_WORDS[COMP_CWORD - 1]} == --set ]]; then
                COMPREPLY=($(compgen -W "$keys" -- "$word"))
                compopt -o nospace
                return
            fi ;;
        run) options="--input --kernel --root --memory --vcpus --timeout --set --help" ;;
        list) options+=" --config" ;;
        console) options="--new --log --follow --help" ;;
        shutdown | reboot) options+=" --all --wait --force" ;;
        dmesg | event-log) options+=" --follow --new" ;;
        sched) options+=" --weight --cap --pool" ;;
        block-detach | network-detach) options+=" --force" ;;
        gdb) options="--listen --help" ;;
        top) options+=" --delay --times" ;;
        mem-set) options+=" --timeout" ;;
        trace)
            case ${COMP_WORDS[COMP_CWORD - 1]} in
                trace) COMPREPLY=($(compgen -W "start status stop export --help" -- "$word")); return ;;
                export) COMPREPLY=($(compgen -f -- "$word")); return ;;
                -c | --classes)  # the last of a list
                    local before=${word%"${word##*,}"}
                    COMPREPLY=($(compgen -P "$before" -W "$classes" -- "${word##*,}")); return ;;
            esac
            [[ ${COMP_WORDS[index + 1]} == start ]] && options+=" --classes --records" ;;
    esac
    if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$word"))
        return
    fi
    case $command in
        create) COMPREPLY=($(compgen -f -- "$word")) ;;
        dump-core)
            if ((COMP_CWORD == index + 1)); then
                COMPREPLY=($(compgen -W "$(_hvctl_domains)" -- "$word"))
            else
                COMPREPLY=($(compgen -f -- "$word"))
            fi ;;
        list | console | shutdown | reboot | destroy | pause | unpause | rename | mem-set | mem-max | vcpu-list | vcpu-set | vcpu-pin | sched | stats | registers | gdb | block-list | block-attach | block-detach | network-list | network-attach | network-detach)
            COMPREPLY=($(compgen -W "$(_hvctl_domains)" -- "$word")) ;;
    esac
}

complete -F _hvctl hvctl
