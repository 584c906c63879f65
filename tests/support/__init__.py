"""What the tests are made with: builders of APKs, signers, archives."""
