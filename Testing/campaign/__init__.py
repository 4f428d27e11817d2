"""What MVG withstands: damaged files, kill -9, full disks, random users (`python -m Testing.campaign -h`)."""
