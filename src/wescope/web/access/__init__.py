"""Access: who asks, what they may do, and how that is made sure of."""
