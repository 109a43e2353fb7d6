"""What journeys of several subjects need: asking at once and ahead, following, documents, patience."""
