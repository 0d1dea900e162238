select partition, next_offset from downstream.consumer_offset where topic = $1
