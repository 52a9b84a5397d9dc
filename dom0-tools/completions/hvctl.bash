# SPDX-License-Identifier: Apache-2.0
#
# Completion of hvctl for bash: commands, their options, the domains and devices that there are.

# The options of each command; what takes a value ends with "=".
declare -gA _hvctl_options=(
    [create]="--json --set= -c --console -p --paused -n --dry-run"
    [run]="--json -i --input --kernel= --root= -m= --memory= --vcpus= --timeout= --set="
    [list]="--json -l --config" [rename]="--json" [pause]="--json" [unpause]="--json" [suspend]="--json" [resume]="--json" [mem-max]="--json" [mem-set]="--json -t= --timeout="
    [registers]="--json" [dump-core]="--json"
    [shutdown]="--json -a --all -w --wait -F --force" [reboot]="--json -a --all -w --wait -F --force"
    [sysrq]="--json" [destroy]="--json -a --all"
    [block-list]="--json" [block-attach]="--json" [block-detach]="--json -F --force" [block-reset]="--json" [block-resize]="--json"
    [network-list]="--json" [network-attach]="--json" [network-detach]="--json -F --force" [network-reset]="--json"
    [console]="--json --new --log -f --follow --path" [dmesg]="--json -f --follow --new" [event-log]="--json -f --follow --new"
    [gdb]="--json -l= --listen="
    [vcpu-list]="--json" [vcpu-set]="--json" [vcpu-pin]="--json" [top]="--json -d= --delay= -n= --times="
    [sched]="--json -w= --weight= -c= --cap= -p= --pool="
    [pool-list]="--json" [pool-cpus]="--json" [pool-mode]="--json"
    [trace]="" [trace start]="--json -c= --classes= -n= --records=" [trace status]="--json" [trace stop]="--json"
    [trace export]="--json"
    [info]="--json" [stats]="--json" [version]="--json" [debug-keys]="--json"
)

# What stands in the first column of a table.
_hvctl_first() {
    hvctl "$@" 2> /dev/null | sed -n '2,$s/^ *\([^ ]*\).*/\1/p'
}

_hvctl_words() { # WORDS: those that the word on the command line begins
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word")
}

_hvctl_keys() { # KEYS: the same, with a value to come
    _hvctl_words "$1"
    compopt -o nospace 2> /dev/null
}

_hvctl_files() {
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    compopt -o filenames 2> /dev/null
}

# The command that is meant: itself, or the only one that begins so.
_hvctl_command() {
    local name found=""
    for name in "${!_hvctl_options[@]}"; do
        [[ $name == "$1" ]] && { echo "$name"; return; }
        [[ $name == "$1"* && $name != *" "* ]] && found+="$name "
    done
    [[ $found == *" "?* ]] || echo "${found% }"
}

_hvctl_value() { # OPTION
    case $1 in
        --set)
            _hvctl_keys "name= kernel= ramdisk= cmdline= extra= root= memory= maxmem= vcpus= maxvcpus= cpus= cpu_weight= cap=
                pool= disk= vif= on_poweroff= on_reboot= on_crash= on_watchdog= type=" ;;
        --classes | -c)
            [[ $command == "trace start" ]] || return
            local before=${word%"${word##*,}"} # the last of a list
            mapfile -t COMPREPLY < <(compgen -P "$before" -W "all hypercalls entries scheduling events grants memory interrupts" \
                -- "${word##*,}") ;;
        --kernel | --root | --socket) _hvctl_files ;;
    esac
}

_hvctl_argument() { # POSITION, of the command's arguments
    case "$command/$1" in
        create/0 | dump-core/1 | "trace export/0") _hvctl_files ;;
        trace/0) _hvctl_words "start status stop export" ;;
        run/0) mapfile -t COMPREPLY < <(compgen -c -- "$word") ;;
        run/*) _hvctl_files ;;
        block-detach/1 | block-reset/1 | block-resize/1) _hvctl_words "$(_hvctl_first block-list "$domain")" ;;
        network-detach/1 | network-reset/1) _hvctl_words "$(_hvctl_first network-list "$domain")" ;;
        block-attach/1) _hvctl_keys "target= vdev= access= queues= rate=" ;;
        network-attach/1) _hvctl_keys "bridge= mac= mtu= queues= rate=" ;;
        vcpu-pin/1) _hvctl_words "all" ;;
        pool-mode/1) _hvctl_words "shared one-to-one" ;;
        list/* | shutdown/* | reboot/* | destroy/*) _hvctl_words "$(_hvctl_first list)" ;;
        console/0 | rename/0 | suspend/0 | resume/0 | pause/0 | unpause/0 | mem-set/0 | mem-max/0 | registers/0 | dump-core/0 | sysrq/0 | gdb/0 | stats/0 | sched/0 | \
            vcpu-list/0 | vcpu-set/0 | vcpu-pin/0 | block-*/0 | network-*/0) _hvctl_words "$(_hvctl_first list)" ;;
    esac
}

_hvctl() {
    local word=${COMP_WORDS[COMP_CWORD]} command="" domain="" position=0 option="" index
    local options="--socket= --version"
    COMPREPLY=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        local part=${COMP_WORDS[index]}
        if [[ $part == "=" ]]; then # bash takes KEY=VALUE apart
            ((index++))
            [[ $index -lt $COMP_CWORD ]] || { _hvctl_files; return; }
        elif [[ -n $option ]]; then
            option=""
        elif [[ " $options " == *" $part= "* ]]; then
            option=$part
        elif [[ $part == -- || $part == -* && $command != run ]]; then
            :
        elif [[ -z $command ]]; then
            command=$(_hvctl_command "$part")
            [[ -n $command ]] || return
            options=${_hvctl_options[$command]}
        elif [[ $command == trace && -n ${_hvctl_options[trace $part]-} ]]; then
            command="trace $part"
            options=${_hvctl_options[$command]}
        else
            [[ $position -gt 0 ]] || domain=$part
            ((position++))
        fi
    done
    if [[ -n $option ]]; then
        [[ $word != "=" ]] || word=""
        _hvctl_value "$option"
    elif [[ $word == -* && ! ($command == run && $position -gt 0) ]]; then
        _hvctl_words "${options//=/} -h --help"
    elif [[ $word == "=" ]]; then
        word=""
        _hvctl_files
    elif [[ -z $command ]]; then
        local name names=""
        for name in "${!_hvctl_options[@]}"; do
            [[ $name == *" "* ]] || names+="$name "
        done
        _hvctl_words "$names --socket --version --help"
    else
        _hvctl_argument "$position"
    fi
}

complete -F _hvctl hvctl
