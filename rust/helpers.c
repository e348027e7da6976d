// SPDX-License-Identifier: GPL-2.0
/* Inline functions of the kernel that Rust cannot call and the kernel crate does not wrap. */
#include <linux/bottom_half.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/pm_runtime.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <net/sock.h>
#include <net/tcp.h>

void usbip_local_bh_disable(void);
void usbip_local_bh_enable(void);
void usbip_keep_awake(void *dev);
void *usbip_page_address(const void *page);
bool usbip_sock_tap(struct sock *sk, void (*data_ready)(struct sock *sk), void *data,
		    void (**old)(struct sock *sk));
void usbip_sock_untap(struct sock *sk, void (*old)(struct sock *sk));
void *usbip_sock_data(struct sock *sk);
bool usbip_sock_is_unconnected(const struct sock *sk);
long usbip_sock_rcvtimeo(const struct sock *sk);
void usbip_wait_queue_leave(struct wait_queue_entry *entry);

void usbip_local_bh_disable(void)
{
	local_bh_disable();
}
EXPORT_SYMBOL_GPL(usbip_local_bh_disable);

void usbip_local_bh_enable(void)
{
	local_bh_enable();
}
EXPORT_SYMBOL_GPL(usbip_local_bh_enable);

void usbip_keep_awake(void *dev)
{
	pm_runtime_get_noresume((struct device *)dev);
}
EXPORT_SYMBOL_GPL(usbip_keep_awake);

/* Null for a page that has no address for good. */
void *usbip_page_address(const void *page)
{
	return PageHighMem((struct page *)page) ? NULL : page_address(page);
}
EXPORT_SYMBOL_GPL(usbip_page_address);

#ifndef KERNEL_HAS_SPINLOCK_IRQ
unsigned long usbip_spin_lock_irqsave(spinlock_t *lock);
bool usbip_spin_trylock_irqsave(spinlock_t *lock, unsigned long *flags);
void usbip_spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags);

unsigned long usbip_spin_lock_irqsave(spinlock_t *lock)
{
	unsigned long flags;

	spin_lock_irqsave(lock, flags);
	return flags;
}
EXPORT_SYMBOL_GPL(usbip_spin_lock_irqsave);

bool usbip_spin_trylock_irqsave(spinlock_t *lock, unsigned long *flags)
{
	return spin_trylock_irqsave(lock, *flags);
}
EXPORT_SYMBOL_GPL(usbip_spin_trylock_irqsave);

void usbip_spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags)
{
	spin_unlock_irqrestore(lock, flags);
}
EXPORT_SYMBOL_GPL(usbip_spin_unlock_irqrestore);
#endif

/*
 * Only for TCP with nothing on top or in between: what is read there is what the peer has sent.
 * Never for a socket that listens: those it accepts start as copies of it, and have nobody to
 * put them right.
 */
bool usbip_sock_tap(struct sock *sk, void (*data_ready)(struct sock *sk), void *data,
		    void (**old)(struct sock *sk))
{
	bool plain;

	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	plain = sk_is_tcp(sk) && !sk->sk_user_data && sk->sk_socket &&
		(1 << sk->sk_state & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)) &&
		READ_ONCE(sk->sk_socket->ops)->read_sock == tcp_read_sock;
	if (plain) {
		*old = sk->sk_data_ready;
		sk->sk_user_data = data;
		WRITE_ONCE(sk->sk_data_ready, data_ready);
	}
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
	return plain;
}
EXPORT_SYMBOL_GPL(usbip_sock_tap);

void usbip_sock_untap(struct sock *sk, void (*old)(struct sock *sk))
{
	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	WRITE_ONCE(sk->sk_data_ready, old);
	sk->sk_user_data = NULL;
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}
EXPORT_SYMBOL_GPL(usbip_sock_untap);

void *usbip_sock_data(struct sock *sk)
{
	return sk->sk_user_data;
}
EXPORT_SYMBOL_GPL(usbip_sock_data);

/* Nothing ever arrives there. By sk_state, for not every family keeps that of the struct socket. */
bool usbip_sock_is_unconnected(const struct sock *sk)
{
	return 1 << READ_ONCE(sk->sk_state) & (TCPF_LISTEN | TCPF_CLOSE);
}

/* Jiffies. */
long usbip_sock_rcvtimeo(const struct sock *sk)
{
	return sock_rcvtimeo(sk, false);
}

/* For the function of an entry. The thread may go on, and the entry with it, before this returns. */
void usbip_wait_queue_leave(struct wait_queue_entry *entry)
{
	list_del_init_careful(&entry->entry);
}
