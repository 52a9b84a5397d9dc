; SPDX-License-Identifier: Apache-2.0
;
; For paging, ring 1 is a supervisor: what stops supervisors must stop it, and what is theirs is its.
%include "tests/hwprobe/probe.inc"

section .text

probe "read a supervisor page", 1, "ran in ring 1"
here mov rax, [supervisor_word]
    done

probe "write a read-only page, CR0.WP=1", 1, "#PF(3) in ring 1"
here mov [read_only_word], rax
    done

probe "read a user page", 1, "ran in ring 1"
here mov rax, [user_word]
    done

probe "execute a user page", 1, "ran in ring 1"
    jmp .user
user_code
.user:
here nop
    done

    needs SMEP
    arrange SMEP
probe "execute a user page with SMEP", 1, "#PF(11) in ring 1"
    jmp .user
user_code
.user:
here nop
    done

    needs SMAP
    arrange SMAP
probe "read a user page with SMAP, AC=0", 1, "#PF(1) in ring 1"
here mov rax, [user_word]
    done

    needs SMAP
    arrange SMAP
probe "read a user page with SMAP, AC=1 by POPF", 1, "ran in ring 1"
    push FLAG_AC | 2
    popfq
here mov rax, [user_word]
    done

probe "ring 3 reads a supervisor page", 3, "#PF(5) in ring 3"
here mov rax, [supervisor_word]
    done
