# The shell of small test images: it prints its environment, and serves a page on port 8000 if its last argument ends
# in "e" (as "exec serve" does). Assembled and linked for x86-64 Linux by
#     as tiny-shell.s -o tiny-shell.o && ld -n -s -z noseparate-code --build-id=none tiny-shell.o -o tiny-shell
.intel_syntax noprefix
.globl _start
_start:
    mov rbx, [rsp]              # argc
    lea r12, [rsp + 8]          # argv
    lea r13, [r12 + rbx*8 + 8]  # envp
print_next:
    mov rsi, [r13]
    test rsi, rsi
    jz printed
    xor edx, edx
find_end:
    cmp byte ptr [rsi + rdx], 0
    je found_end
    inc rdx
    jmp find_end
found_end:
    mov byte ptr [rsi + rdx], '\n'
    inc edx
    mov edi, 1
    mov eax, 1                  # write
    syscall
    add r13, 8
    jmp print_next
printed:
    mov rax, [r12 + rbx*8 - 8]
find_last:
    inc rax
    cmp byte ptr [rax], 0
    jne find_last
    cmp byte ptr [rax - 1], 'e'
    jne exit
    mov edi, 2                  # AF_INET
    mov esi, 1                  # SOCK_STREAM
    xor edx, edx
    mov eax, 41                 # socket
    syscall
    mov ebp, eax
    mov edi, ebp
    lea rsi, [rip + address]
    mov edx, 16
    mov eax, 49                 # bind
    syscall
    mov edi, ebp
    mov esi, 16
    mov eax, 50                 # listen
    syscall
serve:
    mov edi, ebp
    xor esi, esi
    xor edx, edx
    mov eax, 43                 # accept
    syscall
    mov ebx, eax
    mov edi, ebx
    mov rsi, rsp
    sub rsi, 4096
    mov edx, 2048
    xor eax, eax                # read
    syscall
    mov edi, ebx
    lea rsi, [rip + reply]
    mov edx, offset reply_length
    mov eax, 1                  # write
    syscall
    mov edi, ebx
    mov eax, 3                  # close
    syscall
    jmp serve
exit:
    xor edi, edi
    mov eax, 60                 # exit
    syscall
address:
    .short 2                    # AF_INET
    .short 0x401f               # port 8000, in network order
    .quad 0
    .quad 0
reply:
    .ascii "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n"
.set reply_length, . - reply
