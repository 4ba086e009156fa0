# fish completion for zk(1).  What to offer comes from the program itself:
# "zk complete", zk(1) COMPLETIONS.

function __zk_named
    # the command and subcommand typed so far, and the vault chosen
    set -l skip 0
    for w in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $w
            case -C --dir --progress --timeout --bwlimit --max-delete --lock-wait -N --namespace --type -c --channel -o --output --max --set-expiry
                set skip 1
            case '-*'
            case '*'
                echo $w
        end
    end | head -n 2
end

function __zk_vault
    set -l words (commandline -opc)
    for i in (seq 2 (count $words))
        if contains -- $words[$i] -C --dir; and test $i -lt (count $words)
            printf '%s\n' -C (string replace -r '^~/' $HOME/ -- $words[(math $i + 1)])
            return
        end
    end
end

function __zk_operands
    set -l named (__zk_named)
    switch (zk complete operand $named 2>/dev/null)
        case command
            zk complete commands 2>/dev/null
        case subcommand
            zk complete commands $named[1] 2>/dev/null
        case remote
            zk (__zk_vault) complete remotes 2>/dev/null
        case device
            zk (__zk_vault) complete devices 2>/dev/null
        case dir
            __fish_complete_directories (commandline -ct)
        case path
            __fish_complete_path (commandline -ct)
    end
end

function __zk_options
    zk complete options (__zk_named) 2>/dev/null
end

function __zk_after
    # the word before the one being typed is one of these
    set -l words (commandline -opc)
    contains -- $words[-1] $argv
end

complete -c zk -f
complete -c zk -n '__zk_after -C --dir --data' -a '(__fish_complete_directories (commandline -ct))'
complete -c zk -n '__zk_after --progress' -a 'auto always never'
complete -c zk -n 'string match -q -- "-*" (commandline -ct)' -a '(__zk_options)'
complete -c zk -n 'not string match -q -- "-*" (commandline -ct); and not __zk_after -C --dir --data --progress' -a '(__zk_operands)'
