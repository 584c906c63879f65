"""Tests of what one APK says it is."""
