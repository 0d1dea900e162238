delete from downstream.consumer_offset where topic = $1
