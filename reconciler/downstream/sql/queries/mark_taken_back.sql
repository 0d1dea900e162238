update downstream.job set taken_back = true where job_id = $1
