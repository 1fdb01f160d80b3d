"""Software emulators of cabinets, chargers, packs and riders, with their own physics and their own encoders."""
