"""What keeps signatures good: checking, comparing, learning, exchanging and updating them. No scan needs any of it."""
